-- One page of the stops that are over, newest first.
SELECT id, scope, target, reason, ticket, created_by, created_at, starts_at, ends_at,
       lifted_at, lifted_by, lift_reason, lift_ticket
FROM pauses
WHERE tenant_id = %(tenant_id)s::uuid AND ends_at <= lading_now()
  AND (%(before)s::uuid IS NULL OR id < %(before)s::uuid)
ORDER BY id DESC
LIMIT %(limit)s::integer
