-- One page of the lines of a span, in leaf order.
SELECT index, line
FROM ledger_entries
WHERE tenant_id = %(tenant_id)s::uuid AND index >= %(first)s::bigint AND index < %(end)s::bigint
ORDER BY index
LIMIT %(limit)s::integer
