-- Whether jobs of these kinds wait for nothing but a worker.
SELECT EXISTS (
    SELECT FROM lanes
    CROSS JOIN LATERAL (
        SELECT FROM jobs
        WHERE jobs.tenant_id = lanes.tenant_id AND jobs.kind = lanes.kind AND jobs.host = lanes.host
          AND jobs.state = 'pending'
        LIMIT 1
    ) AS job
    WHERE lanes.kind = ANY(%(kinds)s::text[]) AND lanes.waiting_for IS NULL
) AS is_there
