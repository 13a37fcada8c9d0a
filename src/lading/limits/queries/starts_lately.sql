-- How many jobs of a host started in the last minute: those that run, and the youngest that ended.
SELECT (
    SELECT count(*) FROM jobs
    WHERE jobs.tenant_id = %(tenant_id)s::uuid AND jobs.host = %(host)s::text AND jobs.state = 'running'
      AND jobs.claimed_at > lading_now() - interval '1 minute'
) + (
    SELECT count(*) FROM (
        SELECT finished_jobs.finished_at, finished_jobs.host
        FROM finished_jobs
        WHERE finished_jobs.tenant_id = %(tenant_id)s::uuid
        ORDER BY finished_jobs.id DESC
        LIMIT 10000
    ) AS ended
    WHERE ended.host = %(host)s::text AND ended.finished_at > lading_now() - interval '1 minute'
) AS starts
