-- Whether the tenant believes the same issuer for the same audience under another name.
SELECT name
FROM identity_providers
WHERE tenant_id = %(tenant_id)s::uuid
  AND issuer = %(issuer)s::text
  AND audience = %(audience)s::text
  AND name <> %(name)s::text
