-- Delete some of the leases that were over long ago and that no job names.
WITH old AS MATERIALIZED (
    SELECT id
    FROM leases
    WHERE state <> 'active'
      AND beat_at < lading_now() - make_interval(days => %(days)s::integer)
      AND NOT EXISTS (SELECT FROM jobs WHERE jobs.lease_id = leases.id AND jobs.state = 'running')
    LIMIT %(limit)s::integer
)
DELETE FROM leases
WHERE id = ANY(ARRAY(SELECT id FROM old))
