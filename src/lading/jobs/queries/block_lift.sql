-- One thing less that a blocked job waits for; one that waits for nothing else is due, with a new place in its lane.
UPDATE jobs
SET pending_parents = pending_parents - 1,
    state = CASE
        WHEN pending_parents > 1 THEN 'blocked'
        WHEN due_at > lading_now() THEN 'scheduled'
        ELSE 'pending'
    END,
    sequence = DEFAULT,
    rev = rev + 1
WHERE tenant_id = %(tenant_id)s::uuid AND id = %(id)s::uuid AND state = 'blocked' AND cancel_requested_at IS NULL
RETURNING *
