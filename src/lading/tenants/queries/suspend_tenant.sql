-- Let nobody of a tenant in any more.
UPDATE tenants
SET suspended_at = lading_now(), suspend_reason = %(reason)s::text, suspend_ticket = %(ticket)s::text,
    pause_id = %(pause_id)s::uuid, version = version + 1
WHERE tenant_id = %(tenant_id)s::uuid
RETURNING tenant_id, slug, name, created_at, version, suspended_at, suspend_reason, suspend_ticket, pause_id
