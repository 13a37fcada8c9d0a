-- Set the part of a tenant.
INSERT INTO allocations (
    tenant_id, strategy, weight, priority, reserved, max_active, max_queued, reason, ticket
)
VALUES (
    %(tenant_id)s::uuid, %(strategy)s::text, %(weight)s::integer, %(priority)s::integer, %(reserved)s::integer,
    %(max_active)s::integer, %(max_queued)s::integer, %(reason)s::text, %(ticket)s::text
)
ON CONFLICT (tenant_id) DO UPDATE
SET strategy = excluded.strategy,
    weight = excluded.weight,
    priority = excluded.priority,
    reserved = excluded.reserved,
    max_active = excluded.max_active,
    max_queued = excluded.max_queued,
    reason = excluded.reason,
    ticket = excluded.ticket,
    version = allocations.version + 1
