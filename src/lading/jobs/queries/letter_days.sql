-- How many jobs died on each of the last 30 days; a day on which none did is a zero.
SELECT day::date AS day, count(dead_letters.job_id) AS count
FROM generate_series(
    date_trunc('day', lading_now() AT TIME ZONE 'UTC') - interval '29 days',
    date_trunc('day', lading_now() AT TIME ZONE 'UTC'),
    interval '1 day'
) AS day
LEFT JOIN dead_letters
    ON dead_letters.tenant_id = %(tenant_id)s::uuid
       AND dead_letters.died_at >= day AT TIME ZONE 'UTC'
       AND dead_letters.died_at < (day + interval '1 day') AT TIME ZONE 'UTC'
GROUP BY day
ORDER BY day
