-- One identity provider of a tenant, held until it has changed.
SELECT tenant_id, name, issuer, audience, require, roles, version, created_at, updated_at
FROM identity_providers
WHERE tenant_id = %(tenant_id)s::uuid
  AND name = %(name)s::text
FOR UPDATE
