-- The trees of these tenants; one that has no entry yet is empty and named after the instance and the tenant.
SELECT tenants.tenant_id,
    coalesce(ledger_trees.origin, %(origin_prefix)s::text || '/t/' || tenants.slug) AS origin,
    coalesce(ledger_trees.epoch, 1) AS epoch,
    coalesce(ledger_trees.base, 0) AS base,
    coalesce(ledger_trees.size, 0) AS size,
    coalesce(ledger_trees.tiled, 0) AS tiled,
    coalesce(ledger_trees.frontier, '') AS frontier
FROM tenants
LEFT JOIN ledger_trees USING (tenant_id)
WHERE tenants.tenant_id = ANY(%(tenants)s::uuid[])
