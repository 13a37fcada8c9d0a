-- Whose turn it is to tell the ledger that jobs of the tenant are refused; no row when another process just did.
INSERT INTO refusals (tenant_id)
VALUES (%(tenant_id)s::uuid)
ON CONFLICT (tenant_id) DO UPDATE
SET noted_at = lading_now()
WHERE refusals.noted_at <= lading_now() - make_interval(secs => %(seconds)s::float8)
RETURNING tenant_id
