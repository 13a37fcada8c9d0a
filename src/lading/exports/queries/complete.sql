-- The export is complete; its artifacts are published in the same transaction.
UPDATE exports
SET status = 'completed', progress = %(progress)s::jsonb, warnings = warnings || %(warnings)s::jsonb,
    rows_read = %(read)s::bigint, rows_written = %(written)s::bigint,
    rows_quarantined = %(quarantined)s::bigint, rows_duplicate = %(duplicate)s::bigint,
    rows_filtered = %(filtered)s::bigint,
    ended_at = lading_now(),
    expires_at = lading_now() + make_interval(
        days => retention_days(tenant_id, profile, type, %(retention_days)s::integer)
    ),
    rev = rev + 1, version = version + 1
WHERE tenant_id = %(tenant_id)s::uuid AND id = %(id)s::uuid AND status = 'running'
RETURNING rev
