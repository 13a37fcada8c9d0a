-- A tree with entries from before there were tiles, if there is one.
SELECT tenant_id, epoch, origin, base, size - base AS leaves, min_index, tiled
FROM ledger_trees
WHERE size - base - tiled >= 256
LIMIT 1
