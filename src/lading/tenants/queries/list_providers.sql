-- The identity providers of a tenant, by name; it has a hundred at most.
SELECT tenant_id, name, issuer, audience, require, roles, version, created_at, updated_at
FROM identity_providers
WHERE tenant_id = %(tenant_id)s::uuid
ORDER BY name
