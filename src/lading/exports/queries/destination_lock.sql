-- Lock a destination for a change that names the version it was read at, or for its removal.
SELECT version
FROM destinations
WHERE tenant_id = %(tenant_id)s::uuid AND name = %(name)s::text
FOR UPDATE
