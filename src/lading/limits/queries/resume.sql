-- Lift one stop.
DELETE FROM pauses
WHERE tenant_id = %(tenant_id)s::uuid AND id = %(id)s::uuid
RETURNING scope, target
