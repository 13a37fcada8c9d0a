-- Lanes that are held back and have jobs waiting.
SELECT lanes.kind, lanes.host, lanes.waiting_for, lanes.eligible_at, lanes.since, waiting.pending
FROM lanes
CROSS JOIN LATERAL (
    SELECT count(*) AS pending
    FROM jobs
    WHERE jobs.tenant_id = lanes.tenant_id AND jobs.kind = lanes.kind AND jobs.host = lanes.host
      AND jobs.state = 'pending'
) AS waiting
WHERE lanes.tenant_id = %(tenant_id)s::uuid AND lanes.waiting_for IS NOT NULL AND waiting.pending > 0
ORDER BY lanes.kind, lanes.host
