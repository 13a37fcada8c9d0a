-- Jobs of a new run, in one statement and in the order given; those with parents are blocked.
INSERT INTO jobs (
    tenant_id, id, kind, host, subject, state, priority, payload, max_attempts, max_crashes,
    run_id, pending_parents, replay_of, payload_digest, deadline_seconds, enqueued_in
)
SELECT %(tenant_id)s::uuid, given.id, given.kind, given.host, given.subject,
       CASE WHEN given.pending_parents > 0 THEN 'blocked' ELSE 'pending' END,
       given.priority, given.payload, given.max_attempts, %(max_crashes)s::integer,
       %(run_id)s::uuid, given.pending_parents, given.replay_of, given.payload_digest, given.deadline_seconds,
       %(enqueued_in)s::uuid
FROM unnest(
    %(ids)s::uuid[], %(kinds)s::text[], %(hosts)s::text[], %(subjects)s::text[], %(priorities)s::smallint[],
    %(payloads)s::jsonb[], %(max_attempts)s::integer[], %(pending_parents)s::integer[], %(replays)s::uuid[],
    %(digests)s::bytea[], %(deadlines)s::integer[]
) WITH ORDINALITY AS given (
    id, kind, host, subject, priority, payload, max_attempts, pending_parents, replay_of, payload_digest,
    deadline_seconds, place
)
ORDER BY given.place
