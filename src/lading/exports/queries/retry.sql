-- Start a failed or cancelled export again under a new job; completed stages stay.
UPDATE exports
SET status = 'pending', error = NULL, job_id = %(job_id)s::uuid, retry_count = retry_count + 1, stage = NULL,
    progress = '{}', started_at = NULL, ended_at = NULL, cancel_requested_at = NULL,
    asked_role = %(asked_role)s::text, asked_at = lading_now(), rev = rev + 1, version = version + 1
WHERE tenant_id = %(tenant_id)s::uuid AND id = %(id)s::uuid AND status IN ('failed', 'cancelled')
RETURNING rev
