-- Schedules with a slot that is due; not those of suspended tenants.
SELECT s.tenant_id, s.id, s.priority
FROM schedules AS s
JOIN tenants AS t ON t.tenant_id = s.tenant_id
WHERE s.next_at <= lading_now() AND t.suspended_at IS NULL
ORDER BY s.next_at
LIMIT %(limit)s::integer
