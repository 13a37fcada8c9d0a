-- Believe an identity provider no more.
DELETE FROM identity_providers
WHERE tenant_id = %(tenant_id)s::uuid
  AND name = %(name)s::text
RETURNING name
