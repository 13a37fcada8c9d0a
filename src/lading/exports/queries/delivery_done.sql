-- The package lies at the destination.
UPDATE deliveries
SET status = 'delivered', bytes = size, location = %(location)s::text, delivered_at = lading_now(), rev = rev + 1
WHERE tenant_id = %(tenant_id)s::uuid AND export_id = %(export_id)s::uuid AND destination = %(destination)s::text
  AND job_id = %(job_id)s::uuid AND status = 'running'
RETURNING rev, size, digest
