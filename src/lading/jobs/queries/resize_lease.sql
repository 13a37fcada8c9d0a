-- What a worker can do at once now.
UPDATE leases
SET slots = %(slots)s::integer
WHERE id = %(id)s::uuid AND state = 'active'
