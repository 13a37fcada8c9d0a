-- Every tenant of the instance, for its admins.
SELECT tenant_id, slug, name, created_at
FROM tenants
ORDER BY slug
