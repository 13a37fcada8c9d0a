-- A dead job lives again under its id: a fresh budget, the attempt number goes on as the fence, made when it was made.
INSERT INTO jobs (tenant_id, id, kind, host, subject, state, priority, payload, attempt, max_attempts, max_crashes, rev,
    run_id, replay_of, payload_digest, deadline_seconds, enqueued_in, created_at)
SELECT tenant_id, id, kind, host, subject, 'pending', priority, payload, attempt, max_attempts, max_crashes, rev + 1,
       run_id, replay_of, payload_digest, deadline_seconds, enqueued_in, created_at
FROM finished_jobs
WHERE tenant_id = %(tenant_id)s::uuid AND id = %(id)s::uuid AND state = 'dead'
ORDER BY finished_at DESC
LIMIT 1
ON CONFLICT DO NOTHING
RETURNING *
