-- The second person's word.
UPDATE approvals
SET decided_by = %(decided_by)s::text, decided_role = %(decided_role)s::text, decided_at = lading_now(),
    reason = %(reason)s::text, ticket = %(ticket)s::text
WHERE tenant_id = %(tenant_id)s::uuid AND export_id = %(export_id)s::uuid
