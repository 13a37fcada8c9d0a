-- The retention rules of a tenant: profiles, then types, then the rule for all the rest.
SELECT *
FROM retention_rules
WHERE tenant_id = %(tenant_id)s::uuid
ORDER BY array_position(ARRAY['profile', 'type', 'tenant'], scope), target
