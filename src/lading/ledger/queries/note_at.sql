-- The signed head of a tenant at a size.
SELECT note
FROM signed_heads
WHERE tenant_id = %(tenant_id)s::uuid
  AND size = %(size)s::bigint
