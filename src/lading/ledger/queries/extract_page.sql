-- One page of a span of time, by instant and then by what each entry is about; the index is last in the order.
SELECT index, at, subject, type, line
FROM ledger_entries
WHERE tenant_id = %(tenant_id)s::uuid
  AND at >= %(start)s::timestamptz
  AND at < %(end)s::timestamptz
  AND (
      %(after_index)s::bigint IS NULL
      OR (at, subject COLLATE "C", index) > (%(after_at)s::timestamptz, %(after_subject)s::text, %(after_index)s::bigint)
  )
ORDER BY at, subject COLLATE "C", index
LIMIT %(limit)s::integer
