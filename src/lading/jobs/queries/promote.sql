-- Scheduled jobs whose time has come become pending.
WITH due AS MATERIALIZED (
    SELECT id
    FROM jobs
    WHERE state = 'scheduled' AND due_at <= lading_now()
    ORDER BY due_at
    LIMIT %(limit)s::integer
    FOR UPDATE SKIP LOCKED
)
UPDATE jobs
SET state = 'pending', rev = rev + 1
WHERE id = ANY(ARRAY(SELECT id FROM due))
RETURNING *
