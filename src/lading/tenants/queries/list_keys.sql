-- One page of the keys of a tenant, for its admins, newest first; ids are ordered by time.
SELECT tenant_id, id, name, role, created_at, expires_at, revoked_at, last_used_at, scopes, created_by, replaces
FROM api_keys
WHERE tenant_id = %(tenant_id)s::uuid
  AND (%(before)s::uuid IS NULL OR id < %(before)s::uuid)
ORDER BY id DESC
LIMIT %(limit)s::integer
