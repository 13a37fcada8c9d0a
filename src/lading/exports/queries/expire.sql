-- Retention is over: the files go, the record stays.
UPDATE exports
SET status = 'expired', rev = rev + 1, version = version + 1
WHERE tenant_id = %(tenant_id)s::uuid AND id = %(id)s::uuid AND status = 'completed'
RETURNING rev
