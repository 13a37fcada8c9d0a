-- Lock the retry budget of a host as it stands now; it is made full by the host's first retry.
INSERT INTO retry_budgets (tenant_id, host, tokens)
VALUES (%(tenant_id)s::uuid, %(host)s::text, %(cap)s::float8)
ON CONFLICT (tenant_id, host) DO UPDATE SET host = excluded.host
RETURNING tokens, greatest(0, extract(epoch FROM lading_now() - refilled_at))::float8 AS seconds
