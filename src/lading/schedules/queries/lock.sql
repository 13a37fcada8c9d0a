-- Nobody else decides or changes this schedule until the transaction ends.
SELECT *, 0 AS failures, NULL::text AS failure, 0 AS waiting
FROM schedules
WHERE tenant_id = %(tenant_id)s::uuid AND name = %(name)s::text
FOR UPDATE
