-- The file is still on its way.
UPDATE handouts
SET held_until = lading_now() + make_interval(secs => %(seconds)s::float8)
WHERE tenant_id = %(tenant_id)s::uuid AND id = %(id)s::uuid
