-- The newest heads of the instance's log, of the last day, that no time-stamp authority has seen.
SELECT size, note
FROM instance_heads
WHERE signed_at > lading_now() - interval '1 day'
    AND NOT EXISTS (SELECT FROM instance_time_stamps WHERE instance_time_stamps.size = instance_heads.size)
ORDER BY size DESC
LIMIT %(limit)s::integer
