-- The first signed head of the instance's log above a place, or its newest.
(
    SELECT size, root, note, signed_at
    FROM instance_heads
    WHERE size > %(above)s::bigint
    ORDER BY size
    LIMIT 1
)
UNION ALL
(
    SELECT size, root, note, signed_at
    FROM instance_heads
    WHERE %(above)s::bigint IS NULL
    ORDER BY size DESC
    LIMIT 1
)
