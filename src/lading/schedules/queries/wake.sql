-- In how many seconds the next slot is due, and whether any waits; NULL when there is none.
SELECT
    extract(epoch FROM min(next_at) - lading_now())::double precision AS seconds,
    EXISTS (SELECT FROM schedule_slots WHERE outcome = 'waiting') AS waits
FROM schedules
WHERE next_at IS NOT NULL
