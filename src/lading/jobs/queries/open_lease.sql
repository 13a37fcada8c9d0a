-- Register a worker process.
INSERT INTO leases (id, worker, lease_until)
VALUES (%(id)s::uuid, %(worker)s::text, lading_now() + make_interval(secs => %(seconds)s::float8))
