-- Lift a limit on calls or exports.
DELETE FROM call_quotas
WHERE tenant_id = %(tenant_id)s::uuid AND name = %(name)s::text
RETURNING name
