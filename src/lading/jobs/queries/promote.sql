-- Scheduled jobs whose time has come become pending.
WITH due AS MATERIALIZED (
    SELECT ctid AS place
    FROM jobs
    WHERE state = 'scheduled' AND due_at <= lading_now()
    ORDER BY due_at
    LIMIT %(limit)s::integer
    FOR UPDATE SKIP LOCKED
)
UPDATE jobs
SET state = 'pending', rev = rev + 1
WHERE ctid = ANY(ARRAY(SELECT place FROM due))
RETURNING *
