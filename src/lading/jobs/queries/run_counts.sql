-- How many nodes of a run are in which state; a job that ended more than once counts by its last end, or as it lives.
WITH live AS MATERIALIZED (
    SELECT job.id, job.state
    FROM jobs AS job
    WHERE job.tenant_id = %(tenant_id)s::uuid AND job.run_id = %(run_id)s::uuid
),
ended AS (
    SELECT DISTINCT ON (job.id) job.id, job.state, job.error ->> 'code' AS code
    FROM finished_jobs AS job
    WHERE job.tenant_id = %(tenant_id)s::uuid AND job.run_id = %(run_id)s::uuid
      AND job.finished_at >= %(since)s::timestamptz
    ORDER BY job.id, job.finished_at DESC
),
standing AS (
    SELECT live.state, false AS is_failure
    FROM live
    UNION ALL
    SELECT
        CASE WHEN ended.state = 'cancelled' AND ended.code = 'parent-failed' THEN 'skipped' ELSE ended.state END,
        ended.state <> 'completed' AND (ended.code = 'parent-failed' OR node.on_failure <> 'continue')
    FROM ended
    JOIN run_nodes AS node ON node.tenant_id = %(tenant_id)s::uuid AND node.job_id = ended.id
    WHERE ended.id NOT IN (SELECT live.id FROM live)
    UNION ALL
    SELECT 'kept', false
    FROM run_nodes AS node
    WHERE node.tenant_id = %(tenant_id)s::uuid AND node.run_id = %(run_id)s::uuid AND node.job_id IS NULL
)
SELECT standing.state, count(*) AS count, bool_or(standing.is_failure) AS is_failure
FROM standing
GROUP BY standing.state
