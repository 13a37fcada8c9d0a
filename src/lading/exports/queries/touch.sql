-- Whoever looks at the export sees that something about it has changed: a hold was placed or lifted.
UPDATE exports
SET version = version + 1
WHERE tenant_id = %(tenant_id)s::uuid AND id = %(id)s::uuid
