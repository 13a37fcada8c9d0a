-- Leases that ran out.  One that ends further away than any lease lasts was dated by a clock that has stepped back.
-- SKIP LOCKED: a worker frozen in the middle of its heartbeat holds its row, and must not keep the others alive.
WITH due AS MATERIALIZED (
    SELECT id
    FROM leases
    WHERE state = 'active'
      AND (lease_until <= lading_now() OR lease_until > lading_now() + make_interval(secs => 2 * %(seconds)s::float8))
    FOR UPDATE SKIP LOCKED
)
UPDATE leases
SET state = 'expired'
WHERE id = ANY(ARRAY(SELECT id FROM due))
