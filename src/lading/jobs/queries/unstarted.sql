-- Claimed but not started jobs of a lease, which can be given back for free.
SELECT tenant_id, id
FROM jobs
WHERE lease_id = %(lease_id)s::uuid AND state = 'running' AND started_at IS NULL
