-- Which of these files jobs made that this database has, or had before its history of them was over.  A job that it has
-- never heard of, and that is younger, ran after the copy was taken that this database was restored from, or beside it.
SELECT given.blob_key
FROM unnest(%(blob_keys)s::text[], %(job_ids)s::uuid[], %(begun)s::float8[]) AS given (blob_key, job_id, begun)
WHERE EXISTS (
    SELECT FROM jobs WHERE jobs.tenant_id = %(tenant_id)s::uuid AND jobs.id = given.job_id
)
OR EXISTS (
    SELECT FROM finished_jobs WHERE finished_jobs.tenant_id = %(tenant_id)s::uuid AND finished_jobs.id = given.job_id
)
OR to_timestamp(given.begun) < (
    SELECT min(finished_at) FROM finished_jobs WHERE finished_jobs.tenant_id = %(tenant_id)s::uuid
)
