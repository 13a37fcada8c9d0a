-- How much of a package is there; dropped when the delivery has ended or another job does it.
UPDATE deliveries
SET bytes = %(bytes)s::bigint
WHERE tenant_id = %(tenant_id)s::uuid AND export_id = %(export_id)s::uuid AND destination = %(destination)s::text
  AND job_id = %(job_id)s::uuid AND status = 'running'
