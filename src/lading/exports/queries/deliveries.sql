-- The deliveries of one export or of many, by destination, with what their jobs wait for.
SELECT deliveries.export_id, deliveries.destination, deliveries.job_id, deliveries.size, deliveries.digest,
       deliveries.bytes, deliveries.attempts, deliveries.location, deliveries.created_at, deliveries.delivered_at,
       CASE WHEN deliveries.status = 'running' AND live.state <> 'running' THEN 'pending' ELSE deliveries.status END
           AS status,
       coalesce(deliveries.error, live.error) AS error, live.due_at
FROM deliveries
LEFT JOIN jobs AS live ON live.tenant_id = deliveries.tenant_id AND live.id = deliveries.job_id
WHERE deliveries.tenant_id = %(tenant_id)s::uuid AND deliveries.export_id = ANY(%(export_ids)s::uuid[])
ORDER BY deliveries.export_id, deliveries.destination
