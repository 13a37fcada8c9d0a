-- The webhooks of a tenant, oldest first; there are few.
SELECT *
FROM webhooks
WHERE tenant_id = %(tenant_id)s::uuid
ORDER BY id
LIMIT %(limit)s::integer
