-- Put a job where claims find it; the id is made by the caller, so that doing it twice is doing it once.
INSERT INTO jobs (
    tenant_id, id, kind, host, subject, state, priority, due_at, payload, max_attempts, max_crashes,
    run_id, pending_parents, replay_of, payload_digest, deadline_seconds
)
SELECT
    %(tenant_id)s::uuid,
    %(id)s::uuid,
    %(kind)s::text,
    %(host)s::text,
    %(subject)s::text,
    CASE
        WHEN %(pending_parents)s::integer > 0 THEN 'blocked'
        WHEN due.at > lading_now() THEN 'scheduled'
        ELSE 'pending'
    END,
    %(priority)s::smallint,
    due.at,
    %(payload)s::jsonb,
    %(max_attempts)s::integer,
    %(max_crashes)s::integer,
    %(run_id)s::uuid,
    %(pending_parents)s::integer,
    %(replay_of)s::uuid,
    %(payload_digest)s::bytea,
    %(deadline_seconds)s::integer
FROM (SELECT coalesce(%(due_at)s::timestamptz, lading_now()) AS at) AS due
ON CONFLICT DO NOTHING
RETURNING *
