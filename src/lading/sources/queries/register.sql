-- Register a source, or replace how an existing one is reached.
INSERT INTO sources (tenant_id, name, kind, credentials_ref, attachments_ref, timeout_seconds, options)
VALUES (
    %(tenant_id)s::uuid, %(name)s::text, %(kind)s::text, %(credentials_ref)s::text, %(attachments_ref)s::text,
    %(timeout_seconds)s::integer, %(options)s::jsonb
)
ON CONFLICT (tenant_id, name) DO UPDATE
SET kind = excluded.kind,
    credentials_ref = excluded.credentials_ref,
    attachments_ref = excluded.attachments_ref,
    timeout_seconds = excluded.timeout_seconds,
    options = excluded.options,
    version = sources.version + 1,
    updated_at = lading_now()
WHERE (sources.kind, sources.credentials_ref, sources.attachments_ref, sources.timeout_seconds, sources.options)
    IS DISTINCT FROM (
        excluded.kind, excluded.credentials_ref, excluded.attachments_ref, excluded.timeout_seconds, excluded.options
    )
RETURNING tenant_id, name, kind, credentials_ref, attachments_ref, timeout_seconds, options, version
