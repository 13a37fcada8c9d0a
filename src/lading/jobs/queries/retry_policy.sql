-- What the tenant set for a class of faults: for this kind of job, else for all.
SELECT max_attempts, base_seconds, cap_seconds
FROM retry_policies
WHERE tenant_id = %(tenant_id)s::uuid AND class = %(fault_class)s::text AND kind IN (%(kind)s::text, '*')
ORDER BY kind = '*'
LIMIT 1
