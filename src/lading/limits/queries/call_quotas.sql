-- Every call quota of the tenant, with what is used of it now.
SELECT name, max_per_hour, max_per_day, max_waiting, reason, ticket, version,
       CASE WHEN hour_at < this.hour THEN 0 ELSE hour_used END AS hour_used,
       CASE WHEN day_at < this.day THEN 0 ELSE day_used END AS day_used,
       CASE WHEN max_waiting IS NULL THEN 0 ELSE (
           SELECT count(*) FROM (
               SELECT FROM exports
               WHERE exports.tenant_id = call_quotas.tenant_id AND exports.status = 'pending'
                 AND exports.deleted_at IS NULL
               LIMIT call_quotas.max_waiting + 1
           ) AS counted
       ) END AS waiting,
       extract(epoch FROM this.hour + interval '1 hour' - lading_now())::float8 AS hour_seconds,
       extract(epoch FROM this.day + interval '1 day' - lading_now())::float8 AS day_seconds
FROM call_quotas
CROSS JOIN (
    SELECT date_trunc('hour', lading_now(), 'UTC') AS hour, date_trunc('day', lading_now(), 'UTC') AS day
) AS this
WHERE tenant_id = %(tenant_id)s::uuid
ORDER BY name
