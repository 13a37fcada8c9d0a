-- One page of the tree in leaf order, of one subject or of all.
SELECT index, line
FROM ledger_entries
WHERE tenant_id = %(tenant_id)s::uuid
  AND index >= %(first)s::bigint
  AND (%(subject)s::text IS NULL OR subject = %(subject)s::text)
ORDER BY index
LIMIT %(limit)s::integer
