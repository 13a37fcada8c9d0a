-- One destination by name.
SELECT *
FROM destinations
WHERE tenant_id = %(tenant_id)s::uuid AND name = %(name)s::text
