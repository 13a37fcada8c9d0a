-- Lanes that are held back and have jobs waiting, and those whose retries wait because their host has none to spend.
SELECT lanes.kind, lanes.host, lanes.waiting_for, lanes.eligible_at, lanes.since, waiting.pending
FROM lanes
CROSS JOIN LATERAL (
    SELECT count(*) AS pending
    FROM jobs
    WHERE jobs.tenant_id = lanes.tenant_id AND jobs.kind = lanes.kind AND jobs.host = lanes.host
      AND jobs.state = 'pending'
) AS waiting
WHERE lanes.tenant_id = %(tenant_id)s::uuid AND lanes.waiting_for IS NOT NULL AND waiting.pending > 0
UNION ALL
SELECT jobs.kind, jobs.host, 'retry', min(jobs.due_at), parking.parked_at, count(*)
FROM retry_budgets AS parking
JOIN jobs USING (tenant_id, host)
WHERE parking.tenant_id = %(tenant_id)s::uuid AND parking.parked_until > lading_now()
  AND jobs.state = 'scheduled' AND jobs.failures > 0
GROUP BY jobs.kind, jobs.host, parking.parked_at
ORDER BY kind, host, waiting_for
