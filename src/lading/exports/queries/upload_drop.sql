-- Forget an upload and its parts: it is whole, or gone.
DELETE FROM uploads
WHERE tenant_id = %(tenant_id)s::uuid AND export_id = %(export_id)s::uuid AND destination = %(destination)s::text
