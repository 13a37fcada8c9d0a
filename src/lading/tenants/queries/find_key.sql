-- Whose key this is: asked before the tenant is known, so across tenants by the unique id.
SELECT tenant_id, id, name, role, created_at, expires_at, revoked_at, last_used_at, scopes, created_by, replaces, secret_digest
FROM api_keys
WHERE id = %(id)s::uuid
