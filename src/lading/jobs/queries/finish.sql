-- Move a job that ended out of the hot table, in one statement.
WITH ended AS (
    DELETE FROM jobs
    WHERE tenant_id = %(tenant_id)s::uuid AND id = %(id)s::uuid
    RETURNING *
)
INSERT INTO finished_jobs (
    tenant_id, id, kind, host, subject, state, priority, payload, attempt, failures, crashes,
    max_attempts, max_crashes, error, rev, created_at, finished_at,
    run_id, replay_of, payload_digest, deadline_seconds, lease_id, started_at, batch_id, enqueued_in, code
)
SELECT
    tenant_id, id, kind, host, subject, %(state)s::text, priority, payload, attempt,
    failures + %(failures)s::integer, crashes + %(crashes)s::integer,
    max_attempts, max_crashes, coalesce(%(error)s::jsonb, error), rev + 1, created_at, lading_now(),
    run_id, replay_of, payload_digest, deadline_seconds, lease_id, started_at, batch_id, enqueued_in,
    coalesce(%(error)s::jsonb, error) ->> 'code'
FROM ended
RETURNING *
