-- Count a change of state that has no column of its own.
UPDATE exports
SET rev = rev + 1, version = version + 1
WHERE tenant_id = %(tenant_id)s::uuid AND id = %(id)s::uuid
RETURNING rev
