-- How many jobs of a tenant have not ended, counted no further than matters, and how many it may have.
SELECT allowed.max_queued,
       (SELECT count(*) FROM (
           SELECT FROM jobs WHERE jobs.tenant_id = %(tenant_id)s::uuid LIMIT allowed.max_queued + 1
       ) AS counted) AS depth
FROM (
    SELECT coalesce(
        (SELECT allocations.max_queued FROM allocations WHERE allocations.tenant_id = %(tenant_id)s::uuid),
        %(limit)s::integer
    ) AS max_queued
) AS allowed
