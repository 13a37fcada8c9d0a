-- The signed heads of the instance's log of some sizes.
SELECT size, root, note, NULL::bytea AS logged
FROM instance_heads
WHERE size > %(first)s::bigint
  AND size <= %(end)s::bigint
ORDER BY size
