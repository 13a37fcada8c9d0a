-- One schedule by name, with how it gets on.
SELECT * FROM schedules_seen WHERE tenant_id = %(tenant_id)s::uuid AND name = %(name)s::text
