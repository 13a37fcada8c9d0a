-- Publish one file.
INSERT INTO artifacts (tenant_id, export_id, name, blob_key, media_type, size, digest, attempt)
VALUES (
    %(tenant_id)s::uuid, %(export_id)s::uuid, %(name)s::text, %(blob_key)s::text, %(media_type)s::text,
    %(size)s::bigint, %(digest)s::bytea, %(attempt)s::integer
)
