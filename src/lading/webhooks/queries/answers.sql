-- Note that a webhook answers again.
UPDATE webhooks
SET failing_since = NULL
WHERE tenant_id = %(tenant_id)s::uuid
  AND id = %(id)s::uuid
  AND failing_since IS NOT NULL
