-- A part is done; the first result stays.
UPDATE export_parts
SET result = %(result)s::jsonb, job_id = %(job_id)s::uuid, attempt = %(attempt)s::integer, completed_at = lading_now()
WHERE tenant_id = %(tenant_id)s::uuid
  AND export_id = %(export_id)s::uuid
  AND number = %(number)s::integer
  AND result IS NULL
