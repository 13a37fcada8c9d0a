-- The trees of which there are marks; a tenant without a tree has an empty one, and the nil UUID is the instance's log.
SELECT tenants.tenant_id AS tree, tenants.slug AS name,
    coalesce(ledger_trees.epoch, 1) AS epoch,
    coalesce(ledger_trees.origin, '?') AS origin,
    coalesce(ledger_trees.base, 0) AS base,
    coalesce(ledger_trees.size, 0) AS size,
    coalesce(ledger_trees.root, sha256(''::bytea)) AS root
FROM tenants
LEFT JOIN ledger_trees USING (tenant_id)
WHERE tenants.tenant_id = ANY(%(trees)s::uuid[])
UNION ALL
SELECT '00000000-0000-0000-0000-000000000000'::uuid AS tree, 'instance log' AS name,
    coalesce(instance_log.epoch, 1) AS epoch,
    coalesce(instance_log.origin, '?') AS origin,
    coalesce(instance_log.base, 0) AS base,
    coalesce(instance_log.size, 0) AS size,
    coalesce(instance_log.root, sha256(''::bytea)) AS root
FROM (VALUES (1)) AS one (n)
LEFT JOIN instance_log ON true
