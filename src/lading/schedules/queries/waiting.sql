-- Schedules with a slot that waits, and nothing of theirs that goes on; not those of suspended tenants.
SELECT w.tenant_id, w.schedule_id AS id, s.priority
FROM (
    SELECT tenant_id, schedule_id, min(slot) AS slot
    FROM schedule_slots
    WHERE outcome = 'waiting'
    GROUP BY tenant_id, schedule_id
) AS w
JOIN schedules AS s ON s.tenant_id = w.tenant_id AND s.id = w.schedule_id
JOIN tenants AS t ON t.tenant_id = w.tenant_id
WHERE s.paused_at IS NULL
  AND t.suspended_at IS NULL
  AND NOT EXISTS (
      SELECT
      FROM (
          SELECT tenant_id, job_id
          FROM schedule_slots
          WHERE tenant_id = w.tenant_id AND schedule_id = w.schedule_id AND outcome = 'fired'
          ORDER BY slot DESC
          LIMIT 200
      ) AS f
      JOIN jobs AS j ON j.tenant_id = f.tenant_id AND j.id = f.job_id
  )
ORDER BY w.slot
LIMIT %(limit)s::integer
