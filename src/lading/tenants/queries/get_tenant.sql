-- The tenant of a principal.
SELECT tenant_id, slug, name, created_at
FROM tenants
WHERE tenant_id = %(tenant_id)s::uuid
