-- The heartbeat; no row means that the lease is lost and everything under it must stop.
UPDATE leases
SET beat_at = lading_now(), lease_until = lading_now() + make_interval(secs => %(seconds)s::float8)
WHERE id = %(id)s::uuid AND state = 'active' AND lease_until > lading_now()
RETURNING lease_until
