-- The tenant of a principal.
SELECT tenant_id, slug, name, created_at, version, suspended_at, suspend_reason, suspend_ticket, pause_id
FROM tenants
WHERE tenant_id = %(tenant_id)s::uuid
