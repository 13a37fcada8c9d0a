-- The next wider rule counts again.
DELETE FROM retention_rules
WHERE tenant_id = %(tenant_id)s::uuid AND scope = %(scope)s::text AND target = %(target)s::text
