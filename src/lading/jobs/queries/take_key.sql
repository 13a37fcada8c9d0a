-- Bind an idempotency key to the thing it makes; no row when it is bound already (a concurrent holder is waited for).
INSERT INTO idempotency_keys (tenant_id, key, request_digest, resource_id)
VALUES (%(tenant_id)s::uuid, %(key)s::text, %(digest)s::bytea, %(resource_id)s::uuid)
ON CONFLICT DO NOTHING
RETURNING key
