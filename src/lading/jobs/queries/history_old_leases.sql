-- Delete some of the leases that were over long ago and that no job names.
WITH old AS MATERIALIZED (
    SELECT id
    FROM leases
    WHERE state <> 'active'
      AND beat_at < lading_now() - make_interval(days => %(days)s::integer)
      AND id <> ALL(ARRAY(SELECT DISTINCT jobs.lease_id FROM jobs WHERE jobs.state = 'running'))
    LIMIT %(limit)s::integer
)
DELETE FROM leases
WHERE id = ANY(ARRAY(SELECT id FROM old))
