-- What runs too long or stands still, and how many workers were lost within the hour: what `doctor` warns of.
SELECT
    count(*) AS running,
    count(*) FILTER (WHERE started_at + make_interval(secs => deadline_seconds) <= lading_now()) AS overdue,
    count(*) FILTER (
        WHERE greatest(started_at, progress_at) <= lading_now() - make_interval(secs => %(quiet_seconds)s::float8)
    ) AS quiet,
    (
        SELECT count(*)
        FROM leases
        WHERE state = 'expired' AND beat_at > lading_now() - interval '1 hour'
    ) AS lost
FROM jobs
WHERE state = 'running'
