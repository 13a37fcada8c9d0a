-- Lock the job for its rightful attempt; no row means that the lease is lost.  A job that was lost and claimed again has
-- its old attempt's number, maybe under the same lease, until it is started.
SELECT *
FROM jobs
WHERE tenant_id = %(tenant_id)s::uuid
  AND id = %(id)s::uuid
  AND lease_id IS NOT DISTINCT FROM %(lease_id)s::uuid
  AND attempt = %(attempt)s::integer
  AND (started_at IS NOT NULL OR %(maybe_unstarted)s::boolean)
FOR UPDATE
