-- Add an API key; only the digest of its secret is ever stored.
INSERT INTO api_keys (tenant_id, id, name, role, scopes, secret_digest, expires_at, created_by, replaces)
VALUES (
    %(tenant_id)s::uuid, %(id)s::uuid, %(name)s::text, %(role)s::text, %(scopes)s::text[],
    %(secret_digest)s::bytea, %(expires_at)s::timestamptz, %(created_by)s::text, %(replaces)s::uuid
)
RETURNING tenant_id, id, name, role, created_at, expires_at, revoked_at, last_used_at, scopes, created_by, replaces
