-- Which of these idempotency keys are bound to something.
SELECT key
FROM idempotency_keys
WHERE tenant_id = %(tenant_id)s::uuid AND key = ANY(%(keys)s::text[])
