-- A hold, from now until it is lifted.
INSERT INTO holds (
    tenant_id, id, export_id, profile, type, requested_by, period_from, period_to, reason, ticket, placed_by
)
VALUES (
    %(tenant_id)s::uuid, %(id)s::uuid, %(export_id)s::uuid, %(profile)s::text, %(type)s::text, %(requested_by)s::text,
    %(period_from)s::date, %(period_to)s::date, %(reason)s::text, %(ticket)s::text, %(placed_by)s::text
)
RETURNING *
