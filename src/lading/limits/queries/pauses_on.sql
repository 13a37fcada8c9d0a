-- The stops of one thing that are not over.
SELECT id
FROM pauses
WHERE tenant_id = %(tenant_id)s::uuid AND scope = %(scope)s::text AND target = %(target)s::text
  AND (ends_at IS NULL OR ends_at > lading_now())
ORDER BY id
FOR UPDATE
