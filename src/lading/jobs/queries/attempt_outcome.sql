-- How an attempt ended, for a worker that lost the answer to its commit.
SELECT outcome
FROM attempts
WHERE tenant_id = %(tenant_id)s::uuid AND job_id = %(job_id)s::uuid AND attempt = %(attempt)s::integer
