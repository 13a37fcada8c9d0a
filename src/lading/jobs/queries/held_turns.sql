-- Where the turns are now that this transaction holds.
SELECT array_agg(tenant_id) AS tenants, array_agg(ctid::text) AS places
FROM turns
WHERE tenant_id = ANY(%(tenants)s::uuid[])
