-- Exports by id, deleted ones too: what is gone is told of, never left out.
SELECT id, type, profile, revision, format, period_from, period_to, parameters, selector, status, requested_by,
       created_at, ended_at, deleted_at, rows_read, rows_written, warnings
FROM exports
WHERE tenant_id = %(tenant_id)s::uuid AND id = ANY(%(ids)s::uuid[])
ORDER BY id
