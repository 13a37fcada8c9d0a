-- How many worker processes are alive, and how far the database's clock is: what `doctor` looks at.
SELECT
    count(*) FILTER (WHERE state = 'active' AND lease_until > lading_now()) AS workers,
    clock_timestamp() AS clock
FROM leases
