-- The hashes of the leaves of the instance's log behind its last full tile.
SELECT string_agg(hash, ''::bytea ORDER BY index) AS hashes
FROM instance_leaves
WHERE index >= %(first)s::bigint
  AND index < %(end)s::bigint
