-- Add an API key; only the digest of its secret is ever stored.
INSERT INTO api_keys (tenant_id, id, name, role, secret_digest, expires_at)
VALUES (
    %(tenant_id)s::uuid, %(id)s::uuid, %(name)s::text, %(role)s::text,
    %(secret_digest)s::bytea, %(expires_at)s::timestamptz
)
RETURNING tenant_id, id, name, role, created_at, expires_at, revoked_at, last_used_at
