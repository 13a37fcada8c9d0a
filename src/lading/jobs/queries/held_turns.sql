-- Where the turns are now that this transaction holds, and whether one of them is still due.
SELECT array_agg(tenant_id) AS tenants, array_agg(ctid::text) AS places,
       bool_or(next_at <= lading_now() + interval '1 second') AS is_due
FROM turns
WHERE tenant_id = ANY(%(tenants)s::uuid[])
