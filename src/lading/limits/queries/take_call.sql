-- Take a token for one call of a job that runs already, or tell how long there is none; the caller holds the turn
-- (lock_turn.sql), because a claim reckons with the tokens that it saw.  No row where the host has no limit.
WITH bucket AS MATERIALIZED (
    SELECT tenant_id, host, rate * factor AS rate, blocked_until,
           least(greatest(1, burst * factor), tokens
               + rate * factor * greatest(0, extract(epoch FROM lading_now() - refilled_at))) AS tokens
    FROM buckets
    WHERE tenant_id = %(tenant_id)s::uuid AND host = %(host)s::text
    FOR UPDATE
),
spent AS (
    UPDATE buckets
    SET tokens = least(buckets.burst, bucket.tokens - 1), refilled_at = greatest(buckets.refilled_at, lading_now())
    FROM bucket
    WHERE buckets.tenant_id = bucket.tenant_id AND buckets.host = bucket.host
      AND bucket.tokens >= 1 AND coalesce(bucket.blocked_until, '-infinity') <= lading_now()
    RETURNING buckets.host
)
SELECT CASE
    WHEN EXISTS (SELECT FROM spent) THEN 0
    ELSE greatest(
        0.01, (1 - bucket.tokens) / bucket.rate,
        coalesce(extract(epoch FROM bucket.blocked_until - lading_now()), 0)
    )
END::float8 AS seconds
FROM bucket
