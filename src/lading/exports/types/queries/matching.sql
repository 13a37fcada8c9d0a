-- Exports that were completed, of a profile and within a period; expired and deleted ones too.
SELECT id, type, profile, revision, format, period_from, period_to, parameters, selector, status, requested_by,
       created_at, ended_at, deleted_at, rows_read, rows_written, warnings
FROM exports
WHERE tenant_id = %(tenant_id)s::uuid
  AND status IN ('completed', 'expired')
  AND ended_at <= %(as_of)s::timestamptz
  AND revision IS NOT NULL
  AND (%(profile)s::text IS NULL OR profile = %(profile)s::text)
  AND (%(period_from)s::date IS NULL OR period_from >= %(period_from)s::date)
  AND (%(period_to)s::date IS NULL OR period_to <= %(period_to)s::date)
ORDER BY id
LIMIT %(limit)s::integer
