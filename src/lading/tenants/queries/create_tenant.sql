-- Add a tenant; no row when the slug is taken.
INSERT INTO tenants (tenant_id, slug, name)
VALUES (%(tenant_id)s::uuid, %(slug)s::text, %(name)s::text)
ON CONFLICT (slug) DO NOTHING
RETURNING tenant_id, slug, name, created_at, version, suspended_at, suspend_reason, suspend_ticket, pause_id
