-- One message of a webhook.
SELECT *
FROM webhook_messages
WHERE tenant_id = %(tenant_id)s::uuid
  AND webhook_id = %(webhook_id)s::uuid
  AND id = %(id)s::uuid
