-- The latest attempts at one job, newest first.  The last attempt of a job that was in a batch has no record of its own while
-- it goes on, and none when it completed: the job tells of it.
SELECT attempt, started_at, ended_at, outcome, error
FROM attempts
WHERE tenant_id = %(tenant_id)s::uuid AND job_id = %(job_id)s::uuid
UNION ALL
SELECT attempt, started_at, NULL, NULL, NULL
FROM jobs
WHERE tenant_id = %(tenant_id)s::uuid AND id = %(job_id)s::uuid AND batch_id IS NOT NULL
UNION ALL
SELECT attempt, started_at, finished_at, 'completed', NULL
FROM finished_jobs
WHERE tenant_id = %(tenant_id)s::uuid AND id = %(job_id)s::uuid AND batch_id IS NOT NULL AND state = 'completed'
  AND NOT EXISTS (
      SELECT FROM attempts
      WHERE attempts.tenant_id = finished_jobs.tenant_id AND attempts.job_id = finished_jobs.id
        AND attempts.attempt = finished_jobs.attempt
  )
ORDER BY attempt DESC
LIMIT %(limit)s::integer
