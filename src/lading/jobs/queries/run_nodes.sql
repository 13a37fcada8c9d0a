-- Nodes of a run along its graph, with how the job of each stands: as it lives, or by its last end.
SELECT node.key, node.place, node.kind, node.host, node.on_failure, node.job_id, node.definition, standing.state,
       coalesce(live.attempt, ended.attempt, 0) AS attempt, coalesce(live.failures, 0) AS failures,
       coalesce(live.error, ended.error) AS error, coalesce(live.started_at, ended.started_at) AS started_at,
       ended.finished_at, lane.waiting_for AS lane_waiting_for, held.id IS NOT NULL AS awaits_approval
FROM run_nodes AS node
LEFT JOIN jobs AS live ON live.tenant_id = node.tenant_id AND live.id = node.job_id
LEFT JOIN exports AS held
    ON held.tenant_id = node.tenant_id AND held.job_id = node.job_id AND held.approval = 'pending'
       AND live.state = 'blocked'
LEFT JOIN LATERAL (
    SELECT job.state, job.attempt, job.error, job.started_at, job.finished_at
    FROM finished_jobs AS job
    WHERE job.tenant_id = node.tenant_id AND job.id = node.job_id AND job.finished_at >= %(since)s::timestamptz
    ORDER BY job.finished_at DESC
    LIMIT 1
) AS ended ON live.id IS NULL
LEFT JOIN lanes AS lane
    ON lane.tenant_id = node.tenant_id AND lane.kind = node.kind AND lane.host = node.host AND live.state = 'pending'
CROSS JOIN LATERAL (
    SELECT CASE
        WHEN node.job_id IS NULL THEN 'kept'
        WHEN live.id IS NOT NULL THEN live.state
        WHEN ended.state = 'cancelled' AND ended.error ->> 'code' = 'parent-failed' THEN 'skipped'
        ELSE coalesce(ended.state, 'pruned')
    END AS state
) AS standing
WHERE node.tenant_id = %(tenant_id)s::uuid AND node.run_id = %(run_id)s::uuid
  AND node.place > %(after)s::integer
  AND (%(states)s::text[] IS NULL OR standing.state = ANY(%(states)s::text[]))
ORDER BY node.place
LIMIT %(limit)s::integer
