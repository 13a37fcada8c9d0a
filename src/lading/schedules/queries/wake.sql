-- In how many seconds the next slot is due, NULL when none is, and whether any waits; not of suspended tenants.
SELECT
    extract(epoch FROM min(s.next_at) - lading_now())::double precision AS seconds,
    EXISTS (SELECT FROM schedule_slots WHERE outcome = 'waiting') AS waits
FROM schedules AS s
JOIN tenants AS t ON t.tenant_id = s.tenant_id
WHERE s.next_at IS NOT NULL AND t.suspended_at IS NULL
