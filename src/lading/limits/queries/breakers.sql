-- Every breaker of the tenant.
SELECT host, state, failures, retry_at, changed_at
FROM breakers
WHERE tenant_id = %(tenant_id)s::uuid
ORDER BY host
