-- One page of the stops of the tenant that are not over, oldest first; of some scopes, or all.
SELECT id, scope, target, reason, ticket, created_by, created_at, starts_at, ends_at,
       lifted_at, lifted_by, lift_reason, lift_ticket
FROM pauses
WHERE tenant_id = %(tenant_id)s::uuid AND (ends_at IS NULL OR ends_at > lading_now())
  AND (%(scopes)s::text[] IS NULL OR scope = ANY(%(scopes)s::text[]))
  AND (%(after)s::uuid IS NULL OR id > %(after)s::uuid)
ORDER BY id
LIMIT %(limit)s::integer
