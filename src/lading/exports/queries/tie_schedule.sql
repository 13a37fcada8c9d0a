-- Which schedule made an export: for its list, and for whoever looks at it.
UPDATE exports
SET schedule_id = %(schedule_id)s::uuid
WHERE tenant_id = %(tenant_id)s::uuid AND id = %(id)s::uuid
