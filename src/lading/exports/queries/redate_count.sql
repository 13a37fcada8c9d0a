-- What it would change if the rules as they are now counted for exports that were completed before.
SELECT count(*) FILTER (WHERE expires_at <> dated_at OR expires_at IS NULL) AS exports,
       count(*) FILTER (WHERE dated_at <= lading_now() AND expires_at > lading_now()) AS due
FROM (
    SELECT expires_at,
           ended_at + make_interval(
               days => retention_days(tenant_id, profile, type, %(retention_days)s::integer)
           ) AS dated_at
    FROM exports
    WHERE tenant_id = %(tenant_id)s::uuid AND status = 'completed' AND deleted_at IS NULL
) AS completed
