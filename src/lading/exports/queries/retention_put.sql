-- Say how long exports are kept.
INSERT INTO retention_rules AS known (tenant_id, scope, target, days, reason, ticket, set_by)
VALUES (
    %(tenant_id)s::uuid, %(scope)s::text, %(target)s::text, %(days)s::integer, %(reason)s::text, %(ticket)s::text,
    %(set_by)s::text
)
ON CONFLICT (tenant_id, scope, target) DO UPDATE
SET days = excluded.days, reason = excluded.reason, ticket = excluded.ticket, set_by = excluded.set_by,
    set_at = lading_now(), version = known.version + 1
RETURNING *
