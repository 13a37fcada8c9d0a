-- Schedules whose next slot was told by an older edition of the time zone database.
SELECT tenant_id, id, priority
FROM schedules
WHERE next_at IS NOT NULL
  AND string_to_array(tzdata, '.')::integer[] < string_to_array(%(tzdata)s::text, '.')::integer[]
ORDER BY next_at
LIMIT %(limit)s::integer
