-- What of a stopped run could still start waits, out of sight of claims, for a parent that never comes, until a sweep ends
-- it.  Whoever holds a job's row is ending or claiming it: to wait for it, with the run locked, could be a deadlock.
WITH waiting AS MATERIALIZED (
    SELECT job.id
    FROM jobs AS job
    WHERE job.tenant_id = %(tenant_id)s::uuid AND job.run_id = %(run_id)s::uuid
      AND job.state IN ('pending', 'scheduled')
    ORDER BY job.id
    FOR UPDATE SKIP LOCKED
)
UPDATE jobs
SET state = 'blocked', pending_parents = 1, cancel_requested_at = lading_now(), cancel_reason = %(stop_code)s::text
WHERE tenant_id = %(tenant_id)s::uuid AND id = ANY(ARRAY(SELECT id FROM waiting))
