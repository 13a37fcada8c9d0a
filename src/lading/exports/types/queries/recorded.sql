-- One page of what the ledger says of a span of time, in the order of the tree.
SELECT index, line
FROM ledger_entries
WHERE tenant_id = %(tenant_id)s::uuid
  AND at >= %(start)s::timestamptz
  AND at < %(end)s::timestamptz
  AND at <= %(as_of)s::timestamptz
  AND index >= %(first)s::bigint
ORDER BY index
LIMIT %(limit)s::integer
