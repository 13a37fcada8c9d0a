-- Hold a webhook that is about to change.
SELECT *
FROM webhooks
WHERE tenant_id = %(tenant_id)s::uuid
  AND id = %(id)s::uuid
FOR UPDATE
