-- The last signed head over at most so many entries, or over those that were in the tree by an instant.
SELECT size, root, note, signed_at
FROM signed_heads
WHERE tenant_id = %(tenant_id)s::uuid
  AND size <= %(size)s::bigint
  AND (%(by)s::timestamptz IS NULL OR signed_at < %(by)s::timestamptz)
ORDER BY size DESC
LIMIT 1
