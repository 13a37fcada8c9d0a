-- Remember the id that the store gave an upload.
UPDATE uploads
SET upload_id = %(upload_id)s::text
WHERE tenant_id = %(tenant_id)s::uuid AND export_id = %(export_id)s::uuid AND destination = %(destination)s::text
