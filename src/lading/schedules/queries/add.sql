-- A new schedule; nothing when the name is taken.
INSERT INTO schedules (
    tenant_id, id, name, cron, zone, kind, payload, period, source, priority, max_attempts, deadline_seconds,
    catch_up, overlap, starts_at, ends_at, owner_kind, owner_id, owner, owner_role, next_at, decided_to, tzdata
)
VALUES (
    %(tenant_id)s::uuid, %(id)s::uuid, %(name)s::text, %(cron)s::text, %(zone)s::text, %(kind)s::text,
    %(payload)s::jsonb, %(period)s::text, %(source)s::text, %(priority)s::integer, %(max_attempts)s::integer,
    %(deadline_seconds)s::integer, %(catch_up)s::text, %(overlap)s::text, %(starts_at)s::timestamptz,
    %(ends_at)s::timestamptz, %(owner_kind)s::text, %(owner_id)s::text, %(owner)s::uuid, %(owner_role)s::text,
    %(next_at)s::timestamptz, %(decided_to)s::timestamptz, %(tzdata)s::text
)
ON CONFLICT DO NOTHING
RETURNING id
