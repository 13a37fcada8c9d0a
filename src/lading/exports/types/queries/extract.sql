-- One page of what the ledger says about some subjects up to an instant, in the order of the tree.
SELECT index, line
FROM ledger_entries
WHERE tenant_id = %(tenant_id)s::uuid
  AND subject = ANY(%(subjects)s::text[])
  AND at <= %(as_of)s::timestamptz
  AND index >= %(first)s::bigint
ORDER BY index
LIMIT %(limit)s::integer
