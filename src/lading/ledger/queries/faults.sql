-- What the last recomputation of each ledger found wrong.
SELECT tenants.slug, ledger_checks.checked_at, ledger_checks.fault
FROM ledger_checks
JOIN tenants USING (tenant_id)
WHERE ledger_checks.fault IS NOT NULL
ORDER BY tenants.slug
LIMIT 100
