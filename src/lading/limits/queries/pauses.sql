-- The stops of the tenant that are not over.
SELECT id, scope, target, reason, ticket, created_by, created_at, starts_at, ends_at,
       lifted_at, lifted_by, lift_reason, lift_ticket
FROM pauses
WHERE tenant_id = %(tenant_id)s::uuid AND (ends_at IS NULL OR ends_at > lading_now())
ORDER BY created_at, id
LIMIT %(limit)s::integer
