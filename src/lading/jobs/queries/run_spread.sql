-- What waits for a job that is not wanted any more is not wanted either, however far below; what is held now comes later.
WITH RECURSIVE doomed AS (
    SELECT job.id
    FROM jobs AS job
    WHERE job.tenant_id = %(tenant_id)s::uuid AND job.run_id = %(run_id)s::uuid
      AND job.cancel_requested_at IS NOT NULL AND job.state <> 'running'
    UNION
    SELECT edge.child_job
    FROM doomed
    JOIN run_edges AS edge ON edge.tenant_id = %(tenant_id)s::uuid AND edge.parent_job = doomed.id
    WHERE edge.child_job IS NOT NULL
),
found AS MATERIALIZED (
    SELECT job.id
    FROM doomed
    JOIN jobs AS job ON job.tenant_id = %(tenant_id)s::uuid AND job.id = doomed.id
    WHERE job.state = 'blocked' AND job.cancel_requested_at IS NULL
    ORDER BY job.id
    FOR UPDATE OF job
)
UPDATE jobs
SET cancel_requested_at = lading_now(), cancel_reason = 'parent-failed'
WHERE tenant_id = %(tenant_id)s::uuid AND id = ANY(ARRAY(SELECT id FROM found))
