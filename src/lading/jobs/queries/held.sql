-- What a lease holds, for a worker that may have lost the answer to a claim.
SELECT tenant_id, id, kind
FROM jobs
WHERE lease_id = %(lease_id)s::uuid AND state = 'running'
