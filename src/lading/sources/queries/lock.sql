-- Lock a source for a change that names the version it was read at.
SELECT version
FROM sources
WHERE tenant_id = %(tenant_id)s::uuid AND name = %(name)s::text
FOR UPDATE
