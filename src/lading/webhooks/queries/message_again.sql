-- Put a message that has ended on its way once more, under its own id.
UPDATE webhook_messages
SET state = 'pending', job_id = %(job_id)s::uuid, ended_at = NULL, error = NULL
WHERE tenant_id = %(tenant_id)s::uuid
  AND webhook_id = %(webhook_id)s::uuid
  AND id = %(id)s::uuid
  AND state <> 'pending'
RETURNING *
