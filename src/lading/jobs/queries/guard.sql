-- Lock the job for its rightful attempt; no row means that the lease is lost.
SELECT *
FROM jobs
WHERE tenant_id = %(tenant_id)s::uuid
  AND id = %(id)s::uuid
  AND lease_id IS NOT DISTINCT FROM %(lease_id)s::uuid
  AND attempt = %(attempt)s::integer
FOR UPDATE
