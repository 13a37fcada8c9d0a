-- The pages of exports that are over; where they go on may be about people.
DELETE FROM export_pages
WHERE tenant_id = %(tenant_id)s::uuid AND export_id = ANY(%(export_ids)s::uuid[])
