-- A schedule for whoever decides its slots; nothing while somebody else does, or changes it.
SELECT *, 0 AS failures, NULL::text AS failure, 0 AS waiting
FROM schedules
WHERE tenant_id = %(tenant_id)s::uuid AND id = %(id)s::uuid
FOR UPDATE SKIP LOCKED
