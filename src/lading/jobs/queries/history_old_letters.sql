-- Delete some of the dead letters that were closed too long ago; one that is open stays as long as it is.
WITH old AS MATERIALIZED (
    SELECT tenant_id, job_id
    FROM dead_letters
    WHERE state <> 'open' AND closed_at < lading_now() - make_interval(days => %(days)s::integer)
    LIMIT %(limit)s::integer
)
DELETE FROM dead_letters
USING old
WHERE dead_letters.tenant_id = old.tenant_id AND dead_letters.job_id = old.job_id AND dead_letters.state <> 'open'
