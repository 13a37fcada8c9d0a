-- For each subject its newest entry of a type with the first head that covers it: receipts that never change.
SELECT DISTINCT ON (entry.subject)
       entry.subject, entry.index, entry.line, head.size, head.root, head.note, head.signed_at
FROM ledger_entries AS entry
CROSS JOIN LATERAL (
    SELECT size, root, note, signed_at
    FROM signed_heads
    WHERE tenant_id = entry.tenant_id
      AND size > entry.index
    ORDER BY size
    LIMIT 1
) AS head
WHERE entry.tenant_id = %(tenant_id)s::uuid
  AND entry.subject = ANY(%(subjects)s::text[])
  AND entry.type = %(type)s::text
ORDER BY entry.subject, entry.index DESC
