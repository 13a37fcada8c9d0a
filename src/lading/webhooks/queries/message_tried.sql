-- Note an attempt that came to nothing.
UPDATE webhook_messages
SET attempts = attempts + 1, status = %(status)s::integer, error = %(error)s::text, tried_at = %(now)s::timestamptz
WHERE tenant_id = %(tenant_id)s::uuid
  AND id = %(id)s::uuid
  AND job_id = %(job_id)s::uuid
