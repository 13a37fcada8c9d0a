-- One page of what became of a schedule's slots, newest first.
SELECT *
FROM slots_seen
WHERE tenant_id = %(tenant_id)s::uuid
  AND schedule_id = %(schedule_id)s::uuid
  AND (%(before)s::timestamptz IS NULL OR slot < %(before)s::timestamptz)
  AND (%(outcomes)s::text[] IS NULL OR outcome = ANY(%(outcomes)s::text[]))
ORDER BY slot DESC
LIMIT %(limit)s::integer
