-- An export asks for the word of a second person, perhaps once more.
INSERT INTO approvals (tenant_id, export_id, rules, roles, asked_by, expires_at)
VALUES (
    %(tenant_id)s::uuid, %(export_id)s::uuid, %(rules)s::jsonb, %(roles)s::text[], %(asked_by)s::text,
    lading_now() + make_interval(hours => %(hours)s::integer)
)
ON CONFLICT (tenant_id, export_id) DO UPDATE
SET rules = excluded.rules, roles = excluded.roles, asked_by = excluded.asked_by, asked_at = lading_now(),
    expires_at = excluded.expires_at, decided_by = NULL, decided_role = NULL, decided_at = NULL, reason = NULL,
    ticket = NULL
RETURNING expires_at
