-- The export that a numbered page begins after: the last one of the page before.
SELECT id
FROM exports
WHERE tenant_id = %(tenant_id)s::uuid
  AND profile = %(profile)s::text
  AND deleted_at IS NULL
ORDER BY id DESC
OFFSET %(skipped)s::bigint - 1
LIMIT 1
