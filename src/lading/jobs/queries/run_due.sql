-- Running runs that a sweep has to look at: stopped ones, ones with jobs that are not wanted, ones without a live job.
SELECT run.tenant_id, run.id
FROM runs AS run
LEFT JOIN LATERAL (
    SELECT job.id
    FROM jobs AS job
    WHERE job.tenant_id = run.tenant_id AND job.run_id = run.id
    ORDER BY job.id DESC
    LIMIT 1
) AS last ON true
WHERE run.state = 'running'
  AND (
      run.stop_code IS NOT NULL
      OR last.id IS NULL
      OR EXISTS (
          SELECT FROM jobs AS job
          WHERE job.tenant_id = run.tenant_id AND job.run_id = run.id
            AND job.cancel_requested_at IS NOT NULL AND job.state <> 'running'
      )
  )
ORDER BY random() -- those that are slow to stop must not keep the others from being looked at
LIMIT %(limit)s::integer
