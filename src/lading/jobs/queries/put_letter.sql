-- The letter of a job that has just died; one that was requeued and died again is open again.
INSERT INTO dead_letters (tenant_id, job_id, kind, host, subject, code, message, fingerprint, attempt)
VALUES (
    %(tenant_id)s::uuid, %(job_id)s::uuid, %(kind)s::text, %(host)s::text, %(subject)s::text, %(code)s::text,
    %(message)s::text, %(fingerprint)s::text, %(attempt)s::integer
)
ON CONFLICT (tenant_id, job_id) DO UPDATE
SET code = excluded.code, message = excluded.message, fingerprint = excluded.fingerprint, attempt = excluded.attempt,
    died_at = lading_now(), deaths = dead_letters.deaths + 1, state = 'open', closed_at = NULL, closed_by = NULL, reason = NULL, ticket = NULL
