-- Publish one file, whose object is held in this transaction.
INSERT INTO artifacts (
    tenant_id, export_id, name, media_type, size, digest, object_state, attempt, job_id, lease_id, source, inputs
)
VALUES (
    %(tenant_id)s::uuid, %(export_id)s::uuid, %(name)s::text, %(media_type)s::text, %(size)s::bigint,
    %(digest)s::bytea, 'live', %(attempt)s::integer, %(job_id)s::uuid, %(lease_id)s::uuid, %(source)s::text,
    %(inputs)s::jsonb
)
