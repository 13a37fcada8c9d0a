-- Note what a check of a tenant's ledger found.
INSERT INTO ledger_checks AS noted (tenant_id, checked_at, size, fault)
VALUES (%(tenant_id)s::uuid, lading_now(), %(size)s::bigint, %(fault)s::text)
ON CONFLICT (tenant_id) DO UPDATE
SET checked_at = excluded.checked_at, size = excluded.size, fault = excluded.fault
