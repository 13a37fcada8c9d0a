-- How many worker processes are alive: what `doctor` looks at.
SELECT count(*) FILTER (WHERE state = 'active' AND lease_until > lading_now()) AS workers
FROM leases
