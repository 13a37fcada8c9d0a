-- Every retry policy that the tenant set.
SELECT kind, class, max_attempts, base_seconds, cap_seconds, reason, ticket
FROM retry_policies
WHERE tenant_id = %(tenant_id)s::uuid
ORDER BY kind, class
LIMIT %(limit)s::integer
