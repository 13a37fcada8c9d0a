-- What a lease holds one by one, for a worker that may have lost the answer to a claim; batches are batch_held.sql.
SELECT tenant_id, id, kind
FROM jobs
WHERE lease_id = %(lease_id)s::uuid AND state = 'running' AND batch_id IS NULL
