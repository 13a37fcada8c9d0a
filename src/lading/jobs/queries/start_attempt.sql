-- Open the record of an attempt.
INSERT INTO attempts (tenant_id, job_id, attempt, lease_id, worker)
SELECT %(tenant_id)s::uuid, %(job_id)s::uuid, %(attempt)s::integer, %(lease_id)s::uuid,
       coalesce((SELECT worker FROM leases WHERE id = %(lease_id)s::uuid), '')
