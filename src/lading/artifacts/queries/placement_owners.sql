-- Tenants that bring files to the bucket; the others need no look.
SELECT DISTINCT tenant_id
FROM placements
ORDER BY tenant_id
