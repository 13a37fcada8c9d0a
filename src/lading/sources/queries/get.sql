-- One source by name.
SELECT tenant_id, name, kind, credentials_ref, attachments_ref, timeout_seconds, options, version
FROM sources
WHERE tenant_id = %(tenant_id)s::uuid AND name = %(name)s::text
