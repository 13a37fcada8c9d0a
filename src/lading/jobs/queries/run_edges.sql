-- The edges of a run, parent first.
SELECT parent, child
FROM run_edges
WHERE tenant_id = %(tenant_id)s::uuid AND run_id = %(run_id)s::uuid
ORDER BY parent, child
