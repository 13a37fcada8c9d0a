-- The trees of the instance's log, the oldest first.
SELECT epoch, origin, base, size, tiled, frontier, root, 0::bigint AS min_index
FROM instance_epochs
UNION ALL
SELECT epoch, origin, base, size, tiled, frontier, root, 0::bigint AS min_index
FROM instance_log
ORDER BY epoch
