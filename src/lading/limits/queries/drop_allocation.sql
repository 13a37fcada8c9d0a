-- Give a tenant equal turns and no limit again.
DELETE FROM allocations
WHERE tenant_id = %(tenant_id)s::uuid
RETURNING version
