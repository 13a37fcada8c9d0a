-- A file is handed out from its beginning; who goes on with one that was cut is not counted again.
UPDATE artifacts
SET download_count = download_count + 1
WHERE tenant_id = %(tenant_id)s::uuid AND export_id = %(export_id)s::uuid AND name = %(name)s::text
