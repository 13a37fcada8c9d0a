-- Limit a kind; a new hourly quota begins with its whole burst.
INSERT INTO quotas (tenant_id, kind, max_active, max_per_hour, burst, tokens, reason, ticket)
VALUES (
    %(tenant_id)s::uuid, %(kind)s::text, %(max_active)s::integer, %(max_per_hour)s::integer, %(burst)s::integer,
    coalesce(%(burst)s::integer, 0), %(reason)s::text, %(ticket)s::text
)
ON CONFLICT (tenant_id, kind) DO UPDATE
SET max_active = excluded.max_active,
    max_per_hour = excluded.max_per_hour,
    burst = excluded.burst,
    tokens = CASE
        WHEN excluded.burst IS NULL THEN 0
        WHEN quotas.burst IS NULL THEN excluded.burst
        ELSE least(excluded.burst, quotas.tokens + quotas.max_per_hour / 3600.0
            * greatest(0, extract(epoch FROM lading_now() - quotas.refilled_at)))
    END,
    refilled_at = greatest(quotas.refilled_at, lading_now()),
    reason = excluded.reason,
    ticket = excluded.ticket,
    version = quotas.version + 1
RETURNING kind, max_active, max_per_hour, burst, version
