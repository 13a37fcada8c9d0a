-- Finished jobs of the bench's first tenant, as if they had run over the last days.
INSERT INTO finished_jobs (
    tenant_id, id, kind, host, subject, state, priority, payload, attempt, failures, crashes,
    max_attempts, max_crashes, rev, created_at, finished_at
)
SELECT %(tenant)s::uuid, uuidv7(), 'noop', '', 'job_finished', 'completed', 0, '{"n": -1}', 1, 0, 0,
       8, 3, 3, now() - make_interval(secs => number * 0.1), now() - make_interval(secs => number * 0.1)
FROM generate_series(1, %(rows)s::bigint) AS series (number)
