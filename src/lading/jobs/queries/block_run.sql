-- Whether the run of a job was stopped; who stops it now waits for us, or we for them.
SELECT runs.stop_code
FROM jobs
JOIN runs ON runs.tenant_id = jobs.tenant_id AND runs.id = jobs.run_id
WHERE jobs.tenant_id = %(tenant_id)s::uuid AND jobs.id = %(id)s::uuid
FOR SHARE OF runs
