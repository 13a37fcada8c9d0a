-- Close a letter that is open.
UPDATE dead_letters
SET state = %(state)s::text, closed_at = lading_now(), closed_by = %(closed_by)s::text, reason = %(reason)s::text,
    ticket = %(ticket)s::text
WHERE tenant_id = %(tenant_id)s::uuid AND job_id = %(job_id)s::uuid AND state = 'open'
RETURNING job_id, kind, host, subject, code, message, fingerprint, attempt, died_at, deaths,
    state, closed_at, closed_by, reason, ticket
