-- How many jobs of a tenant end in a second, by those of its youngest that have: ids are ordered by birth, so this
-- reads a few rows of the key however long the history is.
SELECT coalesce(count(*) / greatest(1, extract(epoch FROM lading_now() - min(youngest.finished_at))), 0)::float8
    AS per_second
FROM (
    SELECT finished_jobs.finished_at
    FROM finished_jobs
    WHERE finished_jobs.tenant_id = %(tenant_id)s::uuid
    ORDER BY finished_jobs.id DESC
    LIMIT 200
) AS youngest
