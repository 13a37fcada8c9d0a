-- Close the record of an attempt; the first outcome stays.
UPDATE attempts
SET ended_at = lading_now(), outcome = %(outcome)s::text, error = %(error)s::jsonb
WHERE tenant_id = %(tenant_id)s::uuid
  AND job_id = %(job_id)s::uuid
  AND attempt = %(attempt)s::integer
  AND outcome IS NULL
