-- Running jobs whose lease is not alive.  An anti-join, not "of the leases just expired": a claim that raced the
-- expiry would be lost for ever otherwise.
SELECT jobs.tenant_id, jobs.id, jobs.lease_id, jobs.attempt
FROM jobs
WHERE jobs.state = 'running'
  AND NOT EXISTS (
      SELECT FROM leases
      WHERE leases.id = jobs.lease_id AND leases.state = 'active'
  )
  AND jobs.id <> ALL(%(without)s::uuid[])
ORDER BY jobs.claimed_at
LIMIT %(limit)s::integer
