-- A host asked to be called less: its rate shrinks, once for all 429 of a second, and nothing starts before it said.
-- A host without a bucket learns one from the starts seen lately.  Tokens are reckoned at the rate that held so far.
INSERT INTO buckets AS bucket (
    tenant_id, host, rate, burst, tokens, refilled_at, factor, adapted_at, blocked_until, is_learnt
)
VALUES (
    %(tenant_id)s::uuid, %(host)s::text, %(rate)s::float8, greatest(1, %(rate)s::float8), 0, lading_now(),
    %(shrink)s::float8, lading_now(),
    lading_now() + make_interval(secs => %(blocked_seconds)s::float8), true
)
ON CONFLICT (tenant_id, host) DO UPDATE
SET tokens = least(greatest(1, bucket.burst * bucket.factor), bucket.tokens + bucket.rate * bucket.factor
        * greatest(0, extract(epoch FROM lading_now() - bucket.refilled_at))),
    refilled_at = greatest(bucket.refilled_at, lading_now()),
    factor = CASE
        WHEN bucket.factor < 1 AND bucket.adapted_at > lading_now() - make_interval(secs => %(every)s::float8)
            THEN bucket.factor
        ELSE greatest(%(smallest)s::float8, bucket.factor * %(shrink)s::float8)
    END,
    adapted_at = CASE
        WHEN bucket.factor < 1 AND bucket.adapted_at > lading_now() - make_interval(secs => %(every)s::float8)
            THEN bucket.adapted_at
        ELSE lading_now()
    END,
    blocked_until = greatest(bucket.blocked_until, excluded.blocked_until)
RETURNING factor, adapted_at = lading_now() AS has_shrunk
