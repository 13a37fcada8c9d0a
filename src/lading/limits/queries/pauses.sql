-- Every stop of the tenant that is not over.
SELECT id, scope, target, reason, ticket, created_by, created_at, starts_at, ends_at
FROM pauses
WHERE tenant_id = %(tenant_id)s::uuid AND (ends_at IS NULL OR ends_at > lading_now())
ORDER BY created_at, id
