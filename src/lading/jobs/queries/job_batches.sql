-- The batches in which a job was made and tried; the ledger tells of it under them.
SELECT named.batch_id
FROM (
    SELECT batch_id, enqueued_in
    FROM jobs
    WHERE tenant_id = %(tenant_id)s::uuid AND id = %(job_id)s::uuid
    UNION ALL
    SELECT batch_id, enqueued_in
    FROM finished_jobs
    WHERE tenant_id = %(tenant_id)s::uuid AND id = %(job_id)s::uuid
    UNION ALL
    SELECT batch_id, NULL
    FROM attempts
    WHERE tenant_id = %(tenant_id)s::uuid AND job_id = %(job_id)s::uuid
) AS told
CROSS JOIN LATERAL (VALUES (told.enqueued_in), (told.batch_id)) AS named (batch_id)
WHERE named.batch_id IS NOT NULL
GROUP BY named.batch_id
ORDER BY named.batch_id
LIMIT 200
