-- Change a webhook; one that is enabled again begins anew to count its failures.
UPDATE webhooks
SET url = %(url)s::text, topics = %(topics)s::text[], types = %(types)s::text[], format = %(format)s::text,
    description = %(description)s::text, timeout_seconds = %(timeout_seconds)s::integer,
    is_enabled = %(is_enabled)s::boolean,
    disabled_because = CASE WHEN %(is_enabled)s::boolean THEN NULL ELSE coalesce(disabled_because, 'asked') END,
    failing_since = CASE WHEN is_enabled THEN failing_since END,
    version = version + 1, updated_at = lading_now()
WHERE tenant_id = %(tenant_id)s::uuid
  AND id = %(id)s::uuid
RETURNING *
