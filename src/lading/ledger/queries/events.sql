-- Entries that a follower missed, in the order of the tree, up to where this process has read.
SELECT index, type, subject, line
FROM ledger_entries
WHERE tenant_id = %(tenant_id)s::uuid
  AND index >= %(first)s::bigint
  AND index < %(end)s::bigint
  AND (%(types)s::text[] IS NULL OR type = ANY(%(types)s::text[]))
  AND (%(subject)s::text IS NULL OR subject = %(subject)s::text)
ORDER BY index
LIMIT %(limit)s::integer
