-- Count the attempt: from here on a lost worker is a crash of this job.
UPDATE jobs
SET attempt = attempt + 1, started_at = lading_now(), rev = rev + 1
WHERE tenant_id = %(tenant_id)s::uuid
  AND id = %(id)s::uuid
  AND lease_id = %(lease_id)s::uuid
  AND started_at IS NULL
RETURNING *
