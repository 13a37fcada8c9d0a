-- The size of the last signed head of a tree.
SELECT max(size) AS size
FROM signed_heads
WHERE tenant_id = %(tenant_id)s::uuid
  AND size > %(first)s::bigint
  AND size <= %(end)s::bigint
