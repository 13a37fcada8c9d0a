-- A worker that says goodbye; what it still held is an orphan at once.
UPDATE leases
SET state = 'closed'
WHERE id = %(id)s::uuid AND state = 'active'
