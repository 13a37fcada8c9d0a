-- What an attempt needs to make its call; nothing when there is nothing to tell any more.
SELECT message.event_id, message.type, message.subject, message.created_at, message.attempts, webhooks.url,
    webhooks.format, webhooks.timeout_seconds, webhooks.secret,
    CASE WHEN webhooks.old_until > lading_now() THEN webhooks.old_secret END AS old_secret
FROM webhook_messages AS message
JOIN webhooks ON webhooks.tenant_id = message.tenant_id AND webhooks.id = message.webhook_id
WHERE message.tenant_id = %(tenant_id)s::uuid
  AND message.id = %(id)s::uuid
  AND message.job_id = %(job_id)s::uuid
  AND message.state = 'pending'
  AND webhooks.is_enabled
