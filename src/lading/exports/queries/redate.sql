-- Let the rules as they are now count for some of the exports that were completed before, and name the last one.
WITH chosen AS (
    SELECT id
    FROM exports
    WHERE tenant_id = %(tenant_id)s::uuid AND status = 'completed' AND deleted_at IS NULL
      AND (%(after)s::uuid IS NULL OR id > %(after)s::uuid)
    ORDER BY id
    LIMIT %(limit)s::integer
    FOR UPDATE
),
dated AS (
    UPDATE exports
    SET expires_at = ended_at + make_interval(
            days => retention_days(tenant_id, profile, type, %(retention_days)s::integer)
        ),
        version = version + 1
    WHERE tenant_id = %(tenant_id)s::uuid
      AND id IN (SELECT id FROM chosen)
      AND status = 'completed'
      AND expires_at IS DISTINCT FROM ended_at + make_interval(
          days => retention_days(tenant_id, profile, type, %(retention_days)s::integer)
      )
    RETURNING id
)
SELECT (SELECT id FROM chosen ORDER BY id DESC LIMIT 1) AS last, (SELECT count(*) FROM dated) AS exports
