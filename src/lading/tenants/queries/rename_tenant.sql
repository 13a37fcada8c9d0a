-- Give a tenant another name; its slug stays, because paths and ledgers have it.
UPDATE tenants
SET name = %(name)s::text, version = version + 1
WHERE tenant_id = %(tenant_id)s::uuid
RETURNING tenant_id, slug, name, created_at, version, suspended_at, suspend_reason, suspend_ticket, pause_id
