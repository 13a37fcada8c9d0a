-- One delivery, locked: whatever changes it comes here first.
SELECT *
FROM deliveries
WHERE tenant_id = %(tenant_id)s::uuid AND export_id = %(export_id)s::uuid AND destination = %(destination)s::text
FOR UPDATE
