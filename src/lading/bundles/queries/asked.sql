-- What was recorded when these exports were asked for.
SELECT subject, line
FROM ledger_entries
WHERE tenant_id = %(tenant_id)s::uuid
  AND subject = ANY(%(subjects)s::text[])
  AND type = 'export.created'
  AND index < %(end)s::bigint
ORDER BY subject, index
