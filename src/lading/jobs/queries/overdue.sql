-- Attempts that go on beyond their deadline and the grace although their worker lives; without it they are orphans.
SELECT jobs.tenant_id, jobs.id, jobs.lease_id, jobs.attempt
FROM jobs
WHERE jobs.state = 'running'
  AND jobs.started_at + make_interval(secs => jobs.deadline_seconds + %(grace_seconds)s::float8) <= lading_now()
  AND EXISTS (
      SELECT FROM leases
      WHERE leases.id = jobs.lease_id AND leases.state = 'active'
  )
  AND jobs.id <> ALL(%(without)s::uuid[])
ORDER BY jobs.started_at
LIMIT %(limit)s::integer
