-- One run as it stands.
SELECT *
FROM runs
WHERE tenant_id = %(tenant_id)s::uuid AND id = %(id)s::uuid
