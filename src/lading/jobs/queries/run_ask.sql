-- Ask the holders of a stopped run's running jobs to stop; one that is just being settled is asked next time, if at all.
WITH running AS MATERIALIZED (
    SELECT job.id
    FROM jobs AS job
    WHERE job.tenant_id = %(tenant_id)s::uuid AND job.run_id = %(run_id)s::uuid
      AND job.state = 'running' AND job.cancel_requested_at IS NULL
    LIMIT %(limit)s::integer
    FOR UPDATE SKIP LOCKED
)
UPDATE jobs
SET cancel_requested_at = lading_now(), cancel_reason = %(reason)s::text, rev = rev + 1
WHERE tenant_id = %(tenant_id)s::uuid AND id = ANY(ARRAY(SELECT id FROM running))
RETURNING *
