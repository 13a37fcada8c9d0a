-- Begin the tree of the next epoch, with its first leaf.
INSERT INTO ledger_trees AS tree (tenant_id, epoch, origin, base, size, tiled, frontier, root)
VALUES (
    %(tenant_id)s::uuid, %(epoch)s::integer, %(origin)s::text, %(base)s::bigint, %(size)s::bigint, 0,
    %(frontier)s::bytea, %(root)s::bytea
)
ON CONFLICT (tenant_id) DO UPDATE
SET epoch = excluded.epoch, origin = excluded.origin, base = excluded.base, size = excluded.size, tiled = 0,
    frontier = excluded.frontier, root = excluded.root
