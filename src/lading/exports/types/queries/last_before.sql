-- The place of the last entry of a time, NULL where there is none.
SELECT max(index) AS index
FROM ledger_entries
WHERE tenant_id = %(tenant_id)s::uuid AND at < %(end)s::timestamptz AND at <= %(as_of)s::timestamptz
