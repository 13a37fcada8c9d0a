-- Who believes an issuer: asked before it is known whose token it is, so across tenants.
SELECT tenant_id, name, issuer, audience, require, roles, version, created_at, updated_at
FROM identity_providers
WHERE issuer = %(issuer)s::text
ORDER BY tenant_id, name
LIMIT 1000
