-- The place of the first entry of an instant or later, among those from `first` on; no row where there is none.
SELECT index, at
FROM ledger_entries
WHERE tenant_id = %(tenant_id)s::uuid AND index >= %(first)s::bigint AND at >= %(since)s::timestamptz
ORDER BY index
LIMIT 1
