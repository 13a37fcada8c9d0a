-- Lift a hold; it stays to be read.
UPDATE holds
SET lifted_at = lading_now(), lifted_by = %(lifted_by)s::text, lift_reason = %(reason)s::text,
    lift_ticket = %(ticket)s::text
WHERE tenant_id = %(tenant_id)s::uuid AND id = %(id)s::uuid AND lifted_at IS NULL
RETURNING *
