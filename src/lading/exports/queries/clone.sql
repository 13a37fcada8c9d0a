-- An export asked for once more: a row of its own that shares nothing with the first but what it asks for.
INSERT INTO exports (
    tenant_id, id, job_id, type, profile, revision, format, period_from, period_to,
    parameters, include_attachments, selector, warnings, requested_by, asked_role, asked_at, expires_at
)
SELECT tenant_id, %(id)s::uuid, %(job_id)s::uuid, type, profile, revision, format, period_from, period_to,
       parameters, include_attachments, selector, %(warnings)s::jsonb, %(requested_by)s::text,
       %(asked_role)s::text, lading_now(),
       lading_now() + (expires_at - CASE WHEN status IN ('completed', 'expired') THEN ended_at ELSE created_at END)
FROM exports
WHERE tenant_id = %(tenant_id)s::uuid AND id = %(original)s::uuid
RETURNING rev
