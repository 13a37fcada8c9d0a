-- Put many jobs where claims find them, in the order given; ids are made by the caller, so that doing it twice is doing
-- it once.  What most of them have in common comes once, as their form.
WITH form AS MATERIALIZED (
    SELECT given.*
    FROM unnest(
        %(kinds)s::text[], %(hosts)s::text[], %(priorities)s::smallint[], %(due_ats)s::timestamptz[],
        %(payloads)s::text[], %(digests)s::bytea[], %(max_attempts)s::integer[], %(max_crashes)s::integer[],
        %(run_ids)s::uuid[], %(replays)s::uuid[], %(deadlines)s::integer[]
    ) WITH ORDINALITY AS given (
        kind, host, priority, due_at, payload, payload_digest, max_attempts, max_crashes,
        run_id, replay_of, deadline_seconds, number
    )
)
INSERT INTO jobs (
    tenant_id, id, kind, host, subject, state, priority, due_at, payload, max_attempts, max_crashes,
    run_id, pending_parents, replay_of, payload_digest, deadline_seconds, enqueued_in
)
SELECT
    %(tenant_id)s::uuid,
    job.id,
    form.kind,
    form.host,
    job.subject,
    CASE
        WHEN job.pending_parents > 0 THEN 'blocked'
        WHEN form.due_at > lading_now() THEN 'scheduled'
        ELSE 'pending'
    END,
    form.priority,
    coalesce(form.due_at, lading_now()),
    form.payload::jsonb,
    form.max_attempts,
    form.max_crashes,
    form.run_id,
    job.pending_parents,
    form.replay_of,
    form.payload_digest,
    form.deadline_seconds,
    %(batch_id)s::uuid
FROM unnest(%(ids)s::uuid[], %(subjects)s::text[], %(pending_parents)s::integer[], %(forms)s::integer[])
    WITH ORDINALITY AS job (id, subject, pending_parents, number, place)
JOIN form USING (number)
ORDER BY job.place
ON CONFLICT DO NOTHING
RETURNING id, state
