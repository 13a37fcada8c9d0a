-- The newest completed export of the same profile and period; a delta has not all of its rows.
SELECT id
FROM exports
WHERE tenant_id = %(tenant_id)s::uuid
  AND profile = %(profile)s::text
  AND period_from = %(period_from)s::date
  AND period_to = %(period_to)s::date
  AND status = 'completed'
  AND selector = '{}'
  AND deleted_at IS NULL
ORDER BY id DESC
LIMIT 1
