-- The attempts at one job, oldest first.
SELECT attempt, started_at, ended_at, outcome, error
FROM attempts
WHERE tenant_id = %(tenant_id)s::uuid AND job_id = %(job_id)s::uuid
ORDER BY attempt
