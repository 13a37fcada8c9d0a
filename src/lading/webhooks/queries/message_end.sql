-- Note how a message ended; one that another job has, or that has ended, is left alone.
UPDATE webhook_messages
SET state = %(state)s::text,
    attempts = attempts + %(tries)s::integer,
    status = coalesce(%(status)s::integer, status),
    error = CASE WHEN %(state)s::text = 'delivered' THEN NULL ELSE error END,
    tried_at = CASE WHEN %(tries)s::integer > 0 THEN %(now)s::timestamptz ELSE tried_at END,
    ended_at = %(now)s::timestamptz
WHERE tenant_id = %(tenant_id)s::uuid
  AND id = %(id)s::uuid
  AND job_id = %(job_id)s::uuid
  AND state = 'pending'
RETURNING webhook_id, event_id, type
