-- What somebody else said of when a head of the instance's log was there; no row where nobody was asked.
SELECT token
FROM instance_time_stamps
WHERE size = %(size)s::bigint
