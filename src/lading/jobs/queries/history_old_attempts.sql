-- Delete some of the attempts that ended too long ago, of jobs that live no more.
WITH old AS MATERIALIZED (
    SELECT tenant_id, job_id, attempt
    FROM attempts
    WHERE ended_at < lading_now() - make_interval(days => %(days)s::integer)
      AND NOT EXISTS (SELECT FROM jobs WHERE jobs.tenant_id = attempts.tenant_id AND jobs.id = attempts.job_id)
    LIMIT %(limit)s::integer
)
DELETE FROM attempts
USING old
WHERE attempts.tenant_id = old.tenant_id AND attempts.job_id = old.job_id AND attempts.attempt = old.attempt
