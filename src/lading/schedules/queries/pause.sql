-- No slot comes any more until somebody resumes it.
UPDATE schedules
SET paused_at = lading_now(), paused_by = %(by)s::text, pause_reason = %(reason)s::text,
    pause_ticket = %(ticket)s::text, next_at = NULL, version = version + 1, updated_at = lading_now()
WHERE tenant_id = %(tenant_id)s::uuid AND id = %(id)s::uuid
