-- How many dead letters wait for a person.
SELECT count(*) AS count
FROM dead_letters
WHERE tenant_id = %(tenant_id)s::uuid AND state = 'open'
