-- One page of schedules, by name.
SELECT *
FROM schedules_seen
WHERE tenant_id = %(tenant_id)s::uuid
  AND name > coalesce(%(after)s::text, '')
  AND (%(paused)s::boolean IS NULL OR (paused_at IS NOT NULL) = %(paused)s::boolean)
  AND (%(failing)s::boolean IS NULL OR (failures > 0) = %(failing)s::boolean)
ORDER BY name
LIMIT %(limit)s::integer
