-- Forget what became of slots that were decided too long ago; a part at a time.
DELETE FROM schedule_slots
WHERE (tenant_id, schedule_id, slot) IN (
    SELECT tenant_id, schedule_id, slot
    FROM schedule_slots
    WHERE decided_at < lading_now() - make_interval(days => %(days)s::integer) AND outcome <> 'waiting'
    ORDER BY decided_at
    LIMIT %(limit)s::integer
)
