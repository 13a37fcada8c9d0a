-- The tree that an entry is in, by its place.
SELECT tenant_id, epoch, origin, base, size - base AS leaves, min_index
FROM ledger_trees
WHERE tenant_id = %(tenant_id)s::uuid
  AND %(index)s::bigint >= base
  AND %(index)s::bigint < size
UNION ALL
SELECT tenant_id, epoch, origin, base, size - base AS leaves,
    coalesce((SELECT min_index FROM ledger_trees WHERE tenant_id = %(tenant_id)s::uuid), 0) AS min_index
FROM ledger_epochs
WHERE tenant_id = %(tenant_id)s::uuid
  AND %(index)s::bigint >= base
  AND %(index)s::bigint < size
