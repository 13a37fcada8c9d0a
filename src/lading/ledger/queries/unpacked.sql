-- The hashes of leaves that are in no tile yet, a row for each tile.
SELECT string_agg(sha256('\x00'::bytea || line), ''::bytea ORDER BY index) AS hashes
FROM ledger_entries
WHERE tenant_id = %(tenant_id)s::uuid
  AND index >= %(first)s::bigint
  AND index < %(end)s::bigint
GROUP BY (index - %(first)s::bigint) / 256
ORDER BY (index - %(first)s::bigint) / 256
