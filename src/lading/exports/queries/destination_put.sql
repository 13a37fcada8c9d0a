-- Register a destination, or replace the settings of one; nothing comes back when nothing changed.
INSERT INTO destinations (
    tenant_id, name, kind, credentials_ref, options, object_name, overwrite, encrypt_to, timeout_seconds
)
VALUES (
    %(tenant_id)s::uuid, %(name)s::text, %(kind)s::text, %(credentials_ref)s::text, %(options)s::jsonb,
    %(object_name)s::text, %(overwrite)s::boolean, %(encrypt_to)s::text[], %(timeout_seconds)s::integer
)
ON CONFLICT (tenant_id, name) DO UPDATE
SET kind = excluded.kind,
    credentials_ref = excluded.credentials_ref,
    options = excluded.options,
    object_name = excluded.object_name,
    overwrite = excluded.overwrite,
    encrypt_to = excluded.encrypt_to,
    timeout_seconds = excluded.timeout_seconds,
    version = destinations.version + 1,
    updated_at = lading_now()
WHERE (
    destinations.kind, destinations.credentials_ref, destinations.options, destinations.object_name,
    destinations.overwrite, destinations.encrypt_to, destinations.timeout_seconds
) IS DISTINCT FROM (
    excluded.kind, excluded.credentials_ref, excluded.options, excluded.object_name,
    excluded.overwrite, excluded.encrypt_to, excluded.timeout_seconds
)
RETURNING *
