-- An attempt at a delivery begins.
UPDATE deliveries
SET status = 'running', attempts = attempts + 1, bytes = 0, rev = rev + 1
WHERE tenant_id = %(tenant_id)s::uuid AND export_id = %(export_id)s::uuid AND destination = %(destination)s::text
  AND job_id = %(job_id)s::uuid AND status IN ('pending', 'running')
RETURNING rev
