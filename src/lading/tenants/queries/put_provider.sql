-- Add an identity provider or change it.
INSERT INTO identity_providers (tenant_id, name, issuer, audience, require, roles)
VALUES (
    %(tenant_id)s::uuid, %(name)s::text, %(issuer)s::text, %(audience)s::text,
    %(require)s::text::jsonb, %(roles)s::text::jsonb
)
ON CONFLICT (tenant_id, name) DO UPDATE
SET issuer = excluded.issuer, audience = excluded.audience, require = excluded.require, roles = excluded.roles,
    version = identity_providers.version + 1, updated_at = lading_now()
RETURNING tenant_id, name, issuer, audience, require, roles, version, created_at, updated_at
