-- One webhook.
SELECT *
FROM webhooks
WHERE tenant_id = %(tenant_id)s::uuid
  AND id = %(id)s::uuid
