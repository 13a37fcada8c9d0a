-- Limit calls or exports; what is used of this hour and day stays counted.
INSERT INTO call_quotas (tenant_id, name, max_per_hour, max_per_day, max_waiting, reason, ticket)
VALUES (
    %(tenant_id)s::uuid, %(name)s::text, %(max_per_hour)s::integer, %(max_per_day)s::integer,
    %(max_waiting)s::integer, %(reason)s::text, %(ticket)s::text
)
ON CONFLICT (tenant_id, name) DO UPDATE
SET max_per_hour = excluded.max_per_hour,
    max_per_day = excluded.max_per_day,
    max_waiting = excluded.max_waiting,
    reason = excluded.reason,
    ticket = excluded.ticket,
    version = call_quotas.version + 1
