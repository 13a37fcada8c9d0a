-- The size of the newest head of a tenant's tree in the instance's log, up to a size.
SELECT max(size) AS size
FROM logged_heads
WHERE tenant_id = %(tenant_id)s::uuid
  AND size > %(base)s::bigint
  AND size <= coalesce(%(most)s::bigint, size)
