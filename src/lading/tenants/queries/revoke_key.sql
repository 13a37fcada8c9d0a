-- Revoke a key once; no row when it is revoked already or is not this tenant's.
UPDATE api_keys
SET revoked_at = lading_now(), revoke_reason = %(reason)s::text
WHERE tenant_id = %(tenant_id)s::uuid
  AND id = %(id)s::uuid
  AND revoked_at IS NULL
RETURNING tenant_id, id, name, role, created_at, expires_at, revoked_at, last_used_at, scopes, created_by, replaces
