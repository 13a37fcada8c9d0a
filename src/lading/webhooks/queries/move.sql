-- Remember what was decided for a webhook.
UPDATE webhooks
SET place = %(place)s::bigint
WHERE tenant_id = %(tenant_id)s::uuid
  AND id = %(id)s::uuid
