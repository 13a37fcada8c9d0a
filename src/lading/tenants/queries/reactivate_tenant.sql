-- Let those of a suspended tenant in again.
UPDATE tenants
SET suspended_at = NULL, suspend_reason = NULL, suspend_ticket = NULL, pause_id = NULL, version = version + 1
WHERE tenant_id = %(tenant_id)s::uuid
RETURNING tenant_id, slug, name, created_at, version, suspended_at, suspend_reason, suspend_ticket, pause_id
