-- Whose turn it is to tell the ledger that somebody was refused; no row when another process just did.
INSERT INTO login_refusals (tenant_id, subject, reason)
VALUES (%(tenant_id)s::uuid, %(subject)s::text, %(reason)s::text)
ON CONFLICT (tenant_id, subject, reason) DO UPDATE
SET noted_at = lading_now()
WHERE login_refusals.noted_at <= lading_now() - make_interval(secs => %(seconds)s::float8)
RETURNING tenant_id
