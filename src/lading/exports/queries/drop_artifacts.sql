-- Unpublish the files of an export, and name the objects they pointed at.
DELETE FROM artifacts
WHERE tenant_id = %(tenant_id)s::uuid AND export_id = %(export_id)s::uuid
RETURNING digest
