-- Close the record of an attempt while its job still runs; the first outcome stays.  An attempt in a batch has no record
-- until it ends otherwise than completed at the first go: then it is made here.
INSERT INTO attempts (tenant_id, job_id, attempt, lease_id, worker, started_at, batch_id, ended_at, outcome, error)
SELECT jobs.tenant_id, jobs.id, jobs.attempt, jobs.lease_id,
       coalesce((SELECT worker FROM leases WHERE leases.id = jobs.lease_id), ''),
       coalesce(jobs.started_at, lading_now()), jobs.batch_id, lading_now(), %(outcome)s::text, %(error)s::jsonb
FROM jobs
WHERE jobs.tenant_id = %(tenant_id)s::uuid
  AND jobs.id = %(job_id)s::uuid
  AND jobs.attempt = %(attempt)s::integer
ON CONFLICT (tenant_id, job_id, attempt) DO UPDATE
SET ended_at = lading_now(), outcome = %(outcome)s::text, error = %(error)s::jsonb
WHERE attempts.outcome IS NULL
