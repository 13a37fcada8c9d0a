-- Have a partition for this month and the next ones; a month that has one is left alone.
SELECT count(*)::integer AS made
FROM generate_series(0, %(months)s::integer) AS month
CROSS JOIN LATERAL make_history_partition(
    (date_trunc('month', lading_now() AT TIME ZONE 'UTC') + make_interval(months => month))::date, %(movable)s::integer
) AS is_new
WHERE is_new
