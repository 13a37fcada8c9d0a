-- Lock a run, so that it neither ends nor takes a job back meanwhile.
SELECT *
FROM runs
WHERE tenant_id = %(tenant_id)s::uuid AND id = %(id)s::uuid
FOR UPDATE
