-- Nothing of the run is started any more; a run that is stopped already, or has ended, stays as it is.
UPDATE runs
SET stop_code = %(stop_code)s::text,
    cancel_requested_at = CASE WHEN %(stop_code)s::text = 'run-cancelled' THEN lading_now() END,
    cancel_reason = %(reason)s::text,
    cancel_ticket = %(ticket)s::text,
    rev = rev + 1
WHERE tenant_id = %(tenant_id)s::uuid AND id = %(id)s::uuid AND state = 'running'
  AND (stop_code IS NULL OR (stop_code <> %(stop_code)s::text AND %(stop_code)s::text = 'run-cancelled'))
RETURNING *
