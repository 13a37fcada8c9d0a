-- A failed delivery waits for its own job again, which was requeued.
UPDATE deliveries
SET status = 'pending', error = NULL, bytes = 0, rev = rev + 1
WHERE tenant_id = %(tenant_id)s::uuid AND export_id = %(export_id)s::uuid AND destination = %(destination)s::text
  AND job_id = %(job_id)s::uuid AND status = 'failed'
RETURNING rev
