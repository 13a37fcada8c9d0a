-- Lift the limit of a host.
DELETE FROM buckets
WHERE tenant_id = %(tenant_id)s::uuid AND host = %(host)s::text
RETURNING version
