-- Move the jobs of a batch that completed out of the hot table, each under its fence; what is not returned was stale.
-- The lease is compared so that no index serves it: (tenant, id) finds the row, and a planner that believes nothing
-- runs would walk the index on leases once per job.
WITH ended AS (
    DELETE FROM jobs
    USING unnest(%(owners)s::integer[], %(ids)s::uuid[], %(attempts)s::integer[]) AS given (owner, id, attempt)
    WHERE jobs.tenant_id = (%(tenants)s::uuid[])[given.owner]
      AND jobs.id = given.id
      AND jobs.attempt = given.attempt
      AND jobs.lease_id IS NOT DISTINCT FROM %(lease_id)s::uuid
      AND jobs.started_at IS NOT NULL
    RETURNING jobs.*
),
moved AS (
    INSERT INTO finished_jobs (
        tenant_id, id, kind, host, subject, state, priority, payload, attempt, failures, crashes,
        max_attempts, max_crashes, error, rev, created_at, finished_at,
        run_id, replay_of, payload_digest, deadline_seconds, lease_id, started_at, batch_id, enqueued_in, code
    )
    SELECT
        tenant_id, id, kind, host, subject, 'completed', priority, payload, attempt, failures, crashes,
        max_attempts, max_crashes, error, rev + 1, created_at, (SELECT lading_now()),
        run_id, replay_of, payload_digest, deadline_seconds, lease_id, started_at, batch_id, enqueued_in, error ->> 'code'
    FROM ended
)
SELECT count(*)::integer AS count,
       CASE WHEN count(*) < cardinality(%(ids)s::uuid[]) THEN array_agg(id) END AS settled
FROM ended
