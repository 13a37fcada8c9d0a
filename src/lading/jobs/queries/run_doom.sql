-- The children of jobs that failed are not wanted any more; a sweep ends them, and all that waits for them.
WITH children AS MATERIALIZED (
    SELECT job.tenant_id, job.id
    FROM unnest(%(tenant_ids)s::uuid[], %(job_ids)s::uuid[]) AS ended (tenant_id, id)
    JOIN run_edges AS edge ON edge.tenant_id = ended.tenant_id AND edge.parent_job = ended.id
    JOIN jobs AS job ON job.tenant_id = edge.tenant_id AND job.id = edge.child_job
    WHERE job.state = 'blocked' AND job.cancel_requested_at IS NULL
    ORDER BY job.tenant_id, job.id
    FOR UPDATE OF job
)
UPDATE jobs
SET cancel_requested_at = lading_now(), cancel_reason = 'parent-failed'
FROM children
WHERE jobs.tenant_id = children.tenant_id AND jobs.id = children.id
RETURNING jobs.tenant_id, jobs.run_id
