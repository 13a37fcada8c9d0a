-- One page of the leaves of the instance's log.
SELECT index, hash, line
FROM instance_leaves
WHERE index >= %(first)s::bigint
  AND index < %(end)s::bigint
ORDER BY index
LIMIT %(limit)s::integer
