-- Stop a tenant, source, kind or job; with an end it is a blackout.
INSERT INTO pauses (tenant_id, id, scope, target, reason, ticket, created_by, starts_at, ends_at)
VALUES (
    %(tenant_id)s::uuid, %(id)s::uuid, %(scope)s::text, %(target)s::text, %(reason)s::text, %(ticket)s::text,
    %(created_by)s::text, coalesce(%(starts_at)s::timestamptz, lading_now()), %(ends_at)s::timestamptz
)
RETURNING *
