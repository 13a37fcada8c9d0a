-- The delivery failed or was cancelled; one that another job does by now stays as it is.
UPDATE deliveries
SET status = %(status)s::text, error = %(error)s::jsonb, rev = rev + 1
WHERE tenant_id = %(tenant_id)s::uuid AND export_id = %(export_id)s::uuid AND destination = %(destination)s::text
  AND job_id = %(job_id)s::uuid AND status IN ('pending', 'running')
RETURNING rev
