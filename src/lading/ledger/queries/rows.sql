-- One page of entries with all that their rows say.
SELECT index, subject, type, at, line
FROM ledger_entries
WHERE tenant_id = %(tenant_id)s::uuid
  AND index >= %(first)s::bigint
  AND index < %(end)s::bigint
ORDER BY index
LIMIT %(limit)s::integer
