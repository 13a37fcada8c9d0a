-- How far the trees of these tenants have grown: one question for everybody who follows events in a process.
SELECT tenant_id, size
FROM ledger_trees
WHERE tenant_id = ANY(%(tenants)s::uuid[])
