-- Every bucket of the tenant as it stands now.
SELECT host, rate, burst, version, reason, ticket, factor, blocked_until, is_learnt,
       least(greatest(1, burst * factor),
           tokens + rate * factor * greatest(0, extract(epoch FROM lading_now() - refilled_at))) AS tokens
FROM buckets
WHERE tenant_id = %(tenant_id)s::uuid
ORDER BY host
