-- Slots come again.
UPDATE schedules
SET paused_at = NULL, paused_by = NULL, pause_reason = NULL, pause_ticket = NULL, next_at = %(next_at)s::timestamptz,
    decided_to = %(decided_to)s::timestamptz, tzdata = %(tzdata)s::text, version = version + 1,
    updated_at = lading_now()
WHERE tenant_id = %(tenant_id)s::uuid AND id = %(id)s::uuid
