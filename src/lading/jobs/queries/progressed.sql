-- Remember that the attempt came forward, at most every ten seconds: a hot row is written as rarely as will do.
UPDATE jobs
SET progress_at = lading_now()
WHERE tenant_id = %(tenant_id)s::uuid
  AND id = %(id)s::uuid
  AND lease_id = %(lease_id)s::uuid
  AND attempt = %(attempt)s::integer
  AND greatest(started_at, progress_at) < lading_now() - interval '10 seconds'
