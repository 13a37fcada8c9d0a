-- A package is to be brought to a destination: for the first time, or once more after that has ended.
INSERT INTO deliveries (tenant_id, export_id, destination, job_id, size, digest)
VALUES (
    %(tenant_id)s::uuid, %(export_id)s::uuid, %(destination)s::text, %(job_id)s::uuid, %(size)s::bigint,
    %(digest)s::bytea
)
ON CONFLICT (tenant_id, export_id, destination) DO UPDATE
SET job_id = excluded.job_id, status = 'pending', bytes = 0, error = NULL, location = NULL, delivered_at = NULL,
    rev = deliveries.rev + 1
WHERE deliveries.status IN ('delivered', 'failed', 'cancelled')
RETURNING rev
