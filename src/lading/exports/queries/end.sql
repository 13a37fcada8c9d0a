-- The export ended without a result.
UPDATE exports
SET status = %(status)s::text, error = %(error)s::jsonb, ended_at = lading_now(),
    approval = CASE approval WHEN 'pending' THEN 'withdrawn' ELSE approval END, rev = rev + 1, version = version + 1
WHERE tenant_id = %(tenant_id)s::uuid AND id = %(id)s::uuid AND status IN ('pending', 'running')
RETURNING rev, stage, type
