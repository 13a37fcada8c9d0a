-- One retention rule, locked for its change.
SELECT *
FROM retention_rules
WHERE tenant_id = %(tenant_id)s::uuid AND scope = %(scope)s::text AND target = %(target)s::text
FOR UPDATE
