-- A host that complained answers: its rate grows, at most once in a while.
UPDATE buckets
SET tokens = least(greatest(1, burst * factor),
           tokens + rate * factor * greatest(0, extract(epoch FROM lading_now() - refilled_at))),
    refilled_at = greatest(refilled_at, lading_now()),
    factor = least(1, factor * %(grow)s::float8),
    adapted_at = lading_now(),
    blocked_until = NULL
WHERE tenant_id = %(tenant_id)s::uuid AND host = %(host)s::text AND factor < 1
  AND coalesce(adapted_at, '-infinity') <= lading_now() - make_interval(secs => %(every)s::float8)
  AND coalesce(blocked_until, '-infinity') <= lading_now()
RETURNING rate, factor, is_learnt
