-- A new export, waiting for its job.
INSERT INTO exports (
    tenant_id, id, job_id, type, profile, revision, format, period_from, period_to,
    parameters, include_attachments, selector, warnings, requested_by, asked_role, asked_at, expires_at
)
VALUES (
    %(tenant_id)s::uuid, %(id)s::uuid, %(job_id)s::uuid, %(type)s::text, %(profile)s::text, %(revision)s::integer,
    %(format)s::text, %(period_from)s::date, %(period_to)s::date, %(parameters)s::jsonb,
    %(include_attachments)s::boolean, %(selector)s::jsonb, %(warnings)s::jsonb, %(requested_by)s::text,
    %(asked_role)s::text, lading_now(),
    lading_now() + make_interval(days => retention_days(
        %(tenant_id)s::uuid, %(profile)s::text, %(type)s::text, %(retention_days)s::integer
    ))
)
RETURNING rev
