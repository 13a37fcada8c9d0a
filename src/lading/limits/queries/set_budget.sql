-- The budget after a retry was taken from it, or parked because there was none.
UPDATE retry_budgets
SET tokens = %(tokens)s::float8,
    refilled_at = greatest(refilled_at, lading_now()),
    parked_at = CASE
        WHEN %(parking_seconds)s::float8 IS NULL THEN parked_at
        WHEN parked_until > lading_now() THEN parked_at
        ELSE lading_now()
    END,
    parked_until = greatest(parked_until, lading_now() + make_interval(secs => %(parking_seconds)s::float8))
WHERE tenant_id = %(tenant_id)s::uuid AND host = %(host)s::text
