-- Let a key end at an instant, not later than it would have.
UPDATE api_keys
SET expires_at = least(expires_at, %(expires_at)s::timestamptz)
WHERE tenant_id = %(tenant_id)s::uuid
  AND id = %(id)s::uuid
RETURNING tenant_id, id, name, role, created_at, expires_at, revoked_at, last_used_at, scopes, created_by, replaces
