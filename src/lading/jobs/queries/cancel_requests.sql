-- Which of this worker's jobs somebody wants stopped.
SELECT tenant_id, id, coalesce(cancel_reason, '') AS reason
FROM jobs
WHERE lease_id = %(lease_id)s::uuid AND state = 'running' AND cancel_requested_at IS NOT NULL
