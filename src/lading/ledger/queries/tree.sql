-- The tree of a tenant, as it grows now or as an epoch left it; `leaves` are its own, `base` the place of the first.
SELECT tenant_id, epoch, origin, base, size - base AS leaves, min_index
FROM ledger_trees
WHERE tenant_id = %(tenant_id)s::uuid
  AND epoch = coalesce(%(epoch)s::integer, epoch)
UNION ALL
SELECT tenant_id, epoch, origin, base, size - base AS leaves,
    coalesce((SELECT min_index FROM ledger_trees WHERE tenant_id = %(tenant_id)s::uuid), 0) AS min_index
FROM ledger_epochs
WHERE tenant_id = %(tenant_id)s::uuid
  AND epoch = %(epoch)s::integer
