-- Delete some of the rows that are too old and in no month's partition.
WITH old AS MATERIALIZED (
    SELECT tenant_id, id, finished_at
    FROM finished_jobs
    WHERE finished_at < date_trunc('month', (lading_now() - make_interval(days => %(days)s::integer)) AT TIME ZONE 'UTC')
        AT TIME ZONE 'UTC'
    LIMIT %(limit)s::integer
)
DELETE FROM finished_jobs
USING old
WHERE finished_jobs.tenant_id = old.tenant_id AND finished_jobs.id = old.id AND finished_jobs.finished_at = old.finished_at
