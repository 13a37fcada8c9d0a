-- End some of a run's jobs that wait: all of them when the run is stopped, else those that are not wanted any more.
WITH unwanted AS MATERIALIZED (
    SELECT job.id
    FROM jobs AS job
    WHERE job.tenant_id = %(tenant_id)s::uuid AND job.run_id = %(run_id)s::uuid AND job.state <> 'running'
      AND (%(stop_code)s::text IS NOT NULL OR job.cancel_requested_at IS NOT NULL)
    ORDER BY job.id
    LIMIT %(limit)s::integer
    FOR UPDATE SKIP LOCKED
),
ended AS (
    DELETE FROM jobs
    WHERE tenant_id = %(tenant_id)s::uuid AND id = ANY(ARRAY(SELECT id FROM unwanted))
    RETURNING *
)
INSERT INTO finished_jobs (
    tenant_id, id, kind, host, subject, state, priority, payload, attempt, failures, crashes,
    max_attempts, max_crashes, error, rev, created_at, finished_at,
    run_id, replay_of, payload_digest, deadline_seconds, lease_id, started_at, batch_id, enqueued_in, code
)
SELECT
    tenant_id, id, kind, host, subject, 'cancelled', priority, payload, attempt, failures, crashes,
    max_attempts, max_crashes,
    jsonb_build_object(
        'code', coalesce(cancel_reason, %(stop_code)s::text),
        'message', CASE coalesce(cancel_reason, %(stop_code)s::text)
            WHEN 'parent-failed' THEN 'A node before this one failed.'
            WHEN 'run-failed' THEN 'Another node failed, which ended the run.'
            ELSE 'The run was cancelled.'
        END
    ),
    rev + 1, created_at, lading_now(),
    run_id, replay_of, payload_digest, deadline_seconds, lease_id, started_at, batch_id, enqueued_in,
    coalesce(cancel_reason, %(stop_code)s::text)
FROM ended
RETURNING *
