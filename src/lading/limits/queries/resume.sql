-- Lift one stop that is not over; it stays, ended now.  A blackout that had not begun ends before its beginning.
UPDATE pauses
SET lifted_at = lading_now(), ends_at = lading_now(), lifted_by = %(lifted_by)s::text, lift_reason = %(reason)s::text,
    lift_ticket = %(ticket)s::text
WHERE tenant_id = %(tenant_id)s::uuid AND id = %(id)s::uuid AND (ends_at IS NULL OR ends_at > lading_now())
RETURNING scope, target
