-- Give up the files of jobs that have ended; what was published has no row any more.
DELETE FROM placements
WHERE tenant_id = %(tenant_id)s::uuid
  AND NOT EXISTS (
      SELECT FROM jobs WHERE jobs.tenant_id = placements.tenant_id AND jobs.id = placements.job_id
  )
RETURNING blob_key, upload_id
