-- Remove a destination.
DELETE FROM destinations
WHERE tenant_id = %(tenant_id)s::uuid AND name = %(name)s::text
RETURNING kind, version
