-- Ask the holder of a running job to stop; asking again changes nothing.
UPDATE jobs
SET cancel_requested_at = lading_now(), cancel_reason = %(reason)s::text, rev = rev + 1
WHERE tenant_id = %(tenant_id)s::uuid
  AND id = %(id)s::uuid
  AND state = 'running'
  AND cancel_requested_at IS NULL
RETURNING *
