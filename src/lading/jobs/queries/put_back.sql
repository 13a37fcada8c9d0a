-- Give a running job back: pending when nothing has to pass first, else scheduled.
UPDATE jobs
SET state = CASE WHEN %(seconds)s::float8 > 0 THEN 'scheduled' ELSE 'pending' END,
    due_at = lading_now() + make_interval(secs => %(seconds)s::float8),
    lease_id = NULL,
    claimed_at = NULL,
    started_at = NULL,
    batch_id = NULL,
    is_solo = is_solo OR %(is_solo)s::boolean,
    failures = failures + %(failures)s::integer,
    crashes = crashes + %(crashes)s::integer,
    error = coalesce(%(error)s::jsonb, error),
    rev = rev + 1
WHERE tenant_id = %(tenant_id)s::uuid AND id = %(id)s::uuid
RETURNING *
