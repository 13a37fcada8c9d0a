-- The export runs; a later attempt finds it running already.
UPDATE exports
SET status = 'running', started_at = coalesce(started_at, lading_now()), rev = rev + 1, version = version + 1
WHERE tenant_id = %(tenant_id)s::uuid AND id = %(id)s::uuid AND status = 'pending'
RETURNING rev
