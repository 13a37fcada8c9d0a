-- Limit a host; a new bucket is full, a changed one keeps its tokens up to the new burst, and what its 429 left of it.
INSERT INTO buckets (tenant_id, host, rate, burst, tokens, reason, ticket)
VALUES (
    %(tenant_id)s::uuid, %(host)s::text, %(rate)s::float8, %(burst)s::float8, %(burst)s::float8, %(reason)s::text,
    %(ticket)s::text
)
ON CONFLICT (tenant_id, host) DO UPDATE
SET rate = excluded.rate,
    burst = excluded.burst,
    tokens = least(excluded.burst, buckets.tokens + buckets.rate * buckets.factor
        * greatest(0, extract(epoch FROM lading_now() - buckets.refilled_at))),
    refilled_at = greatest(buckets.refilled_at, lading_now()),
    is_learnt = false,
    reason = excluded.reason,
    ticket = excluded.ticket,
    version = buckets.version + 1
RETURNING host, rate, burst, tokens, version, reason, ticket, factor, blocked_until, is_learnt
