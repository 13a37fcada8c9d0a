-- Note that a webhook fails, and since when.
UPDATE webhooks
SET failing_since = coalesce(failing_since, %(now)s::timestamptz)
WHERE tenant_id = %(tenant_id)s::uuid
  AND id = %(id)s::uuid
RETURNING failing_since
