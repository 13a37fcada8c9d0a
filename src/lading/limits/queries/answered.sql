-- What an answer of a host would change: nothing is written for a host that is well.
SELECT coalesce(breakers.state <> 'closed', false) AS is_closing,
       coalesce(breakers.failures > 0, false) AS has_failures,
       coalesce(buckets.factor < 1
           AND coalesce(buckets.adapted_at, '-infinity') <= lading_now() - make_interval(secs => %(every)s::float8)
           AND coalesce(buckets.blocked_until, '-infinity') <= lading_now(), false) AS may_grow,
       coalesce(retry_budgets.tokens + %(trickle)s::float8
           * extract(epoch FROM lading_now() - retry_budgets.refilled_at) < %(cap)s::float8, false) AS may_earn
FROM (VALUES (%(tenant_id)s::uuid, %(host)s::text)) AS asked (tenant_id, host)
LEFT JOIN breakers USING (tenant_id, host)
LEFT JOIN buckets USING (tenant_id, host)
LEFT JOIN retry_budgets USING (tenant_id, host)
