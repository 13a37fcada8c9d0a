-- The lanes of a tenant: which kinds on which sources it has had jobs of.
SELECT kind, host
FROM lanes
WHERE tenant_id = %(tenant_id)s::uuid
ORDER BY kind, host
LIMIT 1000
