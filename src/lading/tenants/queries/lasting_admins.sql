-- Who can still manage a tenant for more than a day: keys, and members whose provider is believed.
SELECT id
FROM api_keys
WHERE tenant_id = %(tenant_id)s::uuid
  AND role = 'admin'
  AND (scopes IS NULL OR 'admin' = ANY(scopes))
  AND revoked_at IS NULL
  AND (expires_at IS NULL OR expires_at > lading_now() + interval '1 day')
UNION ALL
SELECT m.id
FROM members AS m
WHERE m.tenant_id = %(tenant_id)s::uuid
  AND m.role = 'admin'
  AND m.removed_at IS NULL
  AND m.joined_at IS NOT NULL
  AND NOT m.is_claimed
  AND EXISTS (SELECT FROM identity_providers AS p WHERE p.tenant_id = m.tenant_id AND p.issuer = m.issuer)
