-- The breaker after a fault; an open one lets a probe through when its wait is over.
UPDATE breakers
SET state = %(state)s::text,
    failures = %(failures)s::integer,
    cooldown_seconds = %(cooldown_seconds)s::float8,
    retry_at = CASE
        WHEN %(state)s::text <> 'open' THEN NULL
        WHEN breakers.state = 'open' THEN breakers.retry_at
        ELSE lading_now() + make_interval(secs => %(wait_seconds)s::float8)
    END,
    probe_until = NULL,
    changed_at = CASE WHEN breakers.state <> %(state)s::text THEN lading_now() ELSE breakers.changed_at END
WHERE tenant_id = %(tenant_id)s::uuid AND host = %(host)s::text
