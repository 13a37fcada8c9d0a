-- What an idempotency key is bound to.
SELECT request_digest, resource_id
FROM idempotency_keys
WHERE tenant_id = %(tenant_id)s::uuid AND key = %(key)s::text
