-- The instants of the first and the last entry of a span.
SELECT min(at) AS first, max(at) AS last
FROM ledger_entries
WHERE tenant_id = %(tenant_id)s::uuid AND index = ANY(ARRAY[%(start)s::bigint, %(end)s::bigint - 1])
