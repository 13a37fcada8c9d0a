-- Which of these runs has no live job; ids grow along the graph, so that the highest is the last to go.
SELECT given.tenant_id, given.id
FROM unnest(%(tenant_ids)s::uuid[], %(run_ids)s::uuid[]) AS given (tenant_id, id)
WHERE NOT EXISTS (
    SELECT FROM (
        SELECT job.id
        FROM jobs AS job
        WHERE job.tenant_id = given.tenant_id AND job.run_id = given.id
        ORDER BY job.id DESC
        LIMIT 1
    ) AS last
)
