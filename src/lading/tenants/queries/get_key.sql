-- One key of a tenant.
SELECT tenant_id, id, name, role, created_at, expires_at, revoked_at, last_used_at, scopes, created_by, replaces
FROM api_keys
WHERE tenant_id = %(tenant_id)s::uuid
  AND id = %(id)s::uuid
