-- Slots are decided up to here; nobody's change, so that the version stays.
UPDATE schedules
SET next_at = %(next_at)s::timestamptz, decided_to = %(decided_to)s::timestamptz, tzdata = %(tzdata)s::text
WHERE tenant_id = %(tenant_id)s::uuid AND id = %(id)s::uuid
