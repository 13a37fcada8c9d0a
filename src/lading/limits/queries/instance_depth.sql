-- How many jobs of all tenants have not ended, counted no further than matters.
SELECT count(*) AS depth
FROM (SELECT FROM jobs LIMIT %(limit)s::integer + 1) AS counted
