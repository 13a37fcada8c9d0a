-- The slots of a schedule that wait, oldest first.
SELECT *, NULL::text AS state
FROM schedule_slots
WHERE tenant_id = %(tenant_id)s::uuid AND schedule_id = %(schedule_id)s::uuid AND outcome = 'waiting'
ORDER BY slot
LIMIT %(limit)s::integer
