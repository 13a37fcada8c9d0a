-- How many letters there are in each state, and how many of them died more than once.
SELECT state, count(*) AS count, count(*) FILTER (WHERE deaths > 1) AS died_again
FROM dead_letters
WHERE tenant_id = %(tenant_id)s::uuid
GROUP BY state
