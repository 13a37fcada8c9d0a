-- Extend trees, or plant them.  Two who extend the same tree would meet at the primary key of ledger_entries before this.
INSERT INTO ledger_trees AS tree (tenant_id, origin, size, tiled, frontier, root)
SELECT given.tenant_id, given.origin, given.size, given.tiled, given.frontier, given.root
FROM unnest(
    %(tenants)s::uuid[], %(origins)s::text[], %(sizes)s::bigint[], %(tiled)s::bigint[], %(frontiers)s::bytea[],
    %(roots)s::bytea[]
) AS given (tenant_id, origin, size, tiled, frontier, root)
ON CONFLICT (tenant_id) DO UPDATE
SET size = excluded.size, tiled = excluded.tiled, frontier = excluded.frontier, root = excluded.root
WHERE tree.size < excluded.size
