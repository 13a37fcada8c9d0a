-- One page of the tiles of a level, from a number on.
SELECT n, root, hashes
FROM ledger_tiles
WHERE tenant_id = %(tenant_id)s::uuid
  AND epoch = %(epoch)s::integer
  AND level = %(level)s::integer
  AND n >= %(first)s::bigint
ORDER BY n
LIMIT %(limit)s::integer
