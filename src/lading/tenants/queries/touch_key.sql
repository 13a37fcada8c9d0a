-- Remember that a key is in use, at most once in five minutes: a read must not cost a write each time.
UPDATE api_keys
SET last_used_at = lading_now()
WHERE tenant_id = %(tenant_id)s::uuid
  AND id = %(id)s::uuid
  AND (last_used_at IS NULL OR last_used_at < lading_now() - interval '5 minutes')
