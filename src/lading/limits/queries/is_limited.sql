-- Whether a host has a limit at all, without waiting for anybody; most have none.
SELECT factor < 1 AS is_slowed
FROM buckets
WHERE tenant_id = %(tenant_id)s::uuid AND host = %(host)s::text
