-- Call a webhook no more, because it is gone or has failed for days; once.
UPDATE webhooks
SET is_enabled = false, disabled_because = %(reason)s::text, version = version + 1, updated_at = lading_now()
WHERE tenant_id = %(tenant_id)s::uuid
  AND id = %(id)s::uuid
  AND is_enabled
RETURNING version
