-- One page of what was told to a webhook, newest first.
SELECT *
FROM webhook_messages
WHERE tenant_id = %(tenant_id)s::uuid
  AND webhook_id = %(webhook_id)s::uuid
  AND (%(before)s::uuid IS NULL OR id < %(before)s::uuid)
  AND (%(state)s::text IS NULL OR state = %(state)s::text)
ORDER BY id DESC
LIMIT %(limit)s::integer
