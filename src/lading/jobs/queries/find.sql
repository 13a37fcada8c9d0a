-- A job wherever it is in its life; one that ended more than once is what it came to last.
SELECT tenant_id, id, kind, host, subject, state, payload, attempt, failures, crashes, max_attempts, max_crashes,
       due_at, lease_id, started_at, cancel_requested_at, cancel_reason, error, rev,
       run_id, replay_of, payload_digest, deadline_seconds, is_solo
FROM jobs
WHERE tenant_id = %(tenant_id)s::uuid AND id = %(id)s::uuid
UNION ALL
(
    SELECT tenant_id, id, kind, host, subject, state, payload, attempt, failures, crashes, max_attempts, max_crashes,
           NULL, NULL, NULL, NULL, NULL, error, rev,
           run_id, replay_of, payload_digest, deadline_seconds, false
    FROM finished_jobs
    WHERE tenant_id = %(tenant_id)s::uuid AND id = %(id)s::uuid
    ORDER BY finished_at DESC
    LIMIT 1
)
