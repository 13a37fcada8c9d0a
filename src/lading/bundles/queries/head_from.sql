-- The first signed head over at least so many entries: the same one whenever it is asked for.
SELECT size, root, note, signed_at
FROM signed_heads
WHERE tenant_id = %(tenant_id)s::uuid AND size >= %(size)s::bigint
ORDER BY size
LIMIT 1
