-- Parts whose files are gone or do not go together are to be done again.
UPDATE export_parts
SET result = NULL, job_id = NULL, attempt = NULL, completed_at = NULL
WHERE tenant_id = %(tenant_id)s::uuid AND export_id = %(export_id)s::uuid AND number = ANY(%(numbers)s::integer[])
