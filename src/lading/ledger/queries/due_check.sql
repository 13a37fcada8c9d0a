-- Take the tenant whose ledger was not recomputed for the longest, if that is long enough ago; nobody else takes it then.
INSERT INTO ledger_checks AS noted (tenant_id, checked_at, size)
SELECT tenants.tenant_id, lading_now(), 0
FROM tenants
LEFT JOIN ledger_checks USING (tenant_id)
WHERE ledger_checks.checked_at IS NULL
   OR ledger_checks.checked_at < lading_now() - make_interval(hours => %(hours)s::integer)
ORDER BY ledger_checks.checked_at NULLS FIRST
LIMIT 1
ON CONFLICT (tenant_id) DO UPDATE
SET checked_at = excluded.checked_at
WHERE noted.checked_at < lading_now() - make_interval(hours => %(hours)s::integer)
RETURNING tenant_id, (SELECT slug FROM tenants WHERE tenants.tenant_id = noted.tenant_id) AS slug
