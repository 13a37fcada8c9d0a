-- Remove a webhook, and its log with it.
DELETE FROM webhooks
WHERE tenant_id = %(tenant_id)s::uuid
  AND id = %(id)s::uuid
