-- Let a message wait for its requeued job.
UPDATE webhook_messages
SET state = 'pending', ended_at = NULL
WHERE tenant_id = %(tenant_id)s::uuid
  AND id = %(id)s::uuid
  AND job_id = %(job_id)s::uuid
