-- Say how many leaves are in tiles.
UPDATE ledger_trees
SET tiled = %(tiled)s::bigint
WHERE tenant_id = %(tenant_id)s::uuid
  AND epoch = %(epoch)s::integer
