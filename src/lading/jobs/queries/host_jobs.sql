-- Live jobs on a source: how many, and the oldest of them by name.
SELECT id, count(*) OVER () AS count
FROM jobs
WHERE tenant_id = %(tenant_id)s::uuid AND host = %(host)s::text
ORDER BY id
LIMIT 3
