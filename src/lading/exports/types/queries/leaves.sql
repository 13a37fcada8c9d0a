-- One page of the leaves of a tenant's tree, as their hashes.
SELECT sha256('\x00'::bytea || line) AS hash
FROM ledger_entries
WHERE tenant_id = %(tenant_id)s::uuid AND index >= %(first)s::bigint AND index < %(size)s::bigint
ORDER BY index
LIMIT %(limit)s::integer
