-- One page of the people of a tenant, newest first; those who were removed only when asked for.
SELECT tenant_id, id, issuer, subject, email, name, role, is_claimed, version, created_by, created_at, joined_at,
       last_seen_at, removed_at
FROM members
WHERE tenant_id = %(tenant_id)s::uuid
  AND (removed_at IS NOT NULL) = %(removed)s::boolean
  AND (%(before)s::uuid IS NULL OR id < %(before)s::uuid)
ORDER BY id DESC
LIMIT %(limit)s::integer
