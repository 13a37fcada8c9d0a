-- The tenant that a request names by its slug.
SELECT tenant_id, slug, name, created_at, version, suspended_at, suspend_reason, suspend_ticket, pause_id
FROM tenants
WHERE slug = %(slug)s::text
