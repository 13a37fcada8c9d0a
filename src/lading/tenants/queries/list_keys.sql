-- The keys of a tenant, for its admins; ids are ordered by time.
SELECT tenant_id, id, name, role, created_at, expires_at, revoked_at, last_used_at
FROM api_keys
WHERE tenant_id = %(tenant_id)s::uuid
ORDER BY id
