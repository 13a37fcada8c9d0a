-- The trees of a tenant, the oldest first; what is pruned is counted in places over all of them.
SELECT epoch, origin, base, size, tiled, frontier, root,
    coalesce((SELECT min_index FROM ledger_trees WHERE tenant_id = %(tenant_id)s::uuid), 0) AS min_index
FROM ledger_epochs
WHERE tenant_id = %(tenant_id)s::uuid
UNION ALL
SELECT epoch, origin, base, size, tiled, frontier, root, min_index
FROM ledger_trees
WHERE tenant_id = %(tenant_id)s::uuid
ORDER BY epoch
