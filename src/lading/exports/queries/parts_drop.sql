-- The parts of exports that are over; their keys may be about people.
DELETE FROM export_parts
WHERE tenant_id = %(tenant_id)s::uuid AND export_id = ANY(%(export_ids)s::uuid[])
