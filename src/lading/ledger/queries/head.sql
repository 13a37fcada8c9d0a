-- The newest signed head of a tenant.
SELECT size, root, note, signed_at
FROM signed_heads
WHERE tenant_id = %(tenant_id)s::uuid
ORDER BY size DESC
LIMIT 1
