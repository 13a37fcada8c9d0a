-- The slot whose work a job is, or was to be.
SELECT * FROM slots_seen WHERE tenant_id = %(tenant_id)s::uuid AND job_id = %(job_id)s::uuid
