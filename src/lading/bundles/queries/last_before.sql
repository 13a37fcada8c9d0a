-- The place of the last entry before an instant; no row where there is none.
SELECT index, at
FROM ledger_entries
WHERE tenant_id = %(tenant_id)s::uuid AND at < %(until)s::timestamptz
ORDER BY index DESC
LIMIT 1
