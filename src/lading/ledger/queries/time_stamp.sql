-- The time stamp of the head of the instance's log at that size.
SELECT token
FROM instance_time_stamps
WHERE size = %(size)s::bigint
