-- The export waits for the job that puts its parts together.
UPDATE exports
SET job_id = %(job_id)s::uuid, rev = rev + 1, version = version + 1
WHERE tenant_id = %(tenant_id)s::uuid
  AND id = %(id)s::uuid
  AND status = 'running'
  AND job_id = %(former_id)s::uuid
  AND cancel_requested_at IS NULL
RETURNING rev
