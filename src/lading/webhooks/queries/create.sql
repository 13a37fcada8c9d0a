-- Add a webhook, which is told what happens from now on.
INSERT INTO webhooks (
    tenant_id, id, url, topics, types, format, description, timeout_seconds, is_enabled, disabled_because, secret,
    created_by, place
)
VALUES (
    %(tenant_id)s::uuid, %(id)s::uuid, %(url)s::text, %(topics)s::text[], %(types)s::text[], %(format)s::text,
    %(description)s::text, %(timeout_seconds)s::integer, %(is_enabled)s::boolean,
    CASE WHEN %(is_enabled)s::boolean THEN NULL ELSE 'asked' END, %(secret)s::bytea, %(created_by)s::text,
    coalesce((SELECT size FROM ledger_trees WHERE tenant_id = %(tenant_id)s::uuid), 0)
)
RETURNING *
