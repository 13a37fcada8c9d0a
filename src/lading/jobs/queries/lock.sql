-- Lock a live job, whoever holds it.
SELECT *
FROM jobs
WHERE tenant_id = %(tenant_id)s::uuid AND id = %(id)s::uuid
FOR UPDATE
