-- Tenants that have objects; the others need no look.
SELECT tenant_id
FROM tenants
WHERE EXISTS (SELECT FROM objects WHERE objects.tenant_id = tenants.tenant_id)
ORDER BY tenant_id
