-- Hand out pending jobs, most urgent first, skipping those another worker holds.
-- ARRAY(…) instead of a join: the planner may otherwise scan the whole table for a handful of ids.
WITH due AS MATERIALIZED (
    SELECT id
    FROM jobs
    WHERE state = 'pending'
      AND kind = ANY(%(kinds)s::text[])
      AND EXISTS (
          SELECT FROM leases
          WHERE leases.id = %(lease_id)s::uuid AND leases.state = 'active' AND leases.lease_until > lading_now()
      )
    ORDER BY priority DESC, sequence
    LIMIT %(limit)s::integer
    FOR UPDATE SKIP LOCKED
)
UPDATE jobs
SET state = 'running', lease_id = %(lease_id)s::uuid, claimed_at = lading_now(), rev = rev + 1
WHERE id = ANY(ARRAY(SELECT id FROM due))
RETURNING *
