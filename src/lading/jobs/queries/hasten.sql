-- What waits for its time or its retry is due now.
UPDATE jobs
SET state = 'pending', due_at = lading_now(), rev = rev + 1
WHERE tenant_id = %(tenant_id)s::uuid AND id = %(id)s::uuid AND state = 'scheduled'
RETURNING *
