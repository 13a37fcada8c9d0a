-- Where a head of a tenant stands in the instance's log: that of a size, or the newest.
SELECT size, index
FROM logged_heads
WHERE tenant_id = %(tenant_id)s::uuid
  AND size = coalesce(%(size)s::bigint, size)
ORDER BY size DESC
LIMIT 1
