-- The schedule and what became of its slots; what it made stays.
DELETE FROM schedules WHERE tenant_id = %(tenant_id)s::uuid AND id = %(id)s::uuid
