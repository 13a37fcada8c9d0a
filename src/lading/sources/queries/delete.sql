-- Remove a source.
DELETE FROM sources
WHERE tenant_id = %(tenant_id)s::uuid AND name = %(name)s::text
RETURNING kind, version
