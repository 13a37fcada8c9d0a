-- The tenant that a request names by its slug.
SELECT tenant_id, slug, name, created_at
FROM tenants
WHERE slug = %(slug)s::text
