-- Whoever looks at the export sees that one of its deliveries has changed.
UPDATE exports
SET version = version + 1
WHERE tenant_id = %(tenant_id)s::uuid AND id = %(id)s::uuid
