-- Unpublish the files of an export.
DELETE FROM artifacts
WHERE tenant_id = %(tenant_id)s::uuid AND export_id = %(export_id)s::uuid
