-- Make a waiting job more or less urgent.
UPDATE jobs
SET priority = %(priority)s::smallint, rev = rev + 1
WHERE tenant_id = %(tenant_id)s::uuid AND id = %(id)s::uuid AND state IN ('pending', 'scheduled', 'blocked')
RETURNING *
