-- How far the export is; dropped when the attempt no longer owns the job.
UPDATE exports
SET progress = jsonb_strip_nulls(jsonb_build_object('parts', progress -> 'parts', 'parts_done', progress -> 'parts_done'))
        || %(progress)s::jsonb, version = version + 1
WHERE tenant_id = %(tenant_id)s::uuid
  AND id = %(id)s::uuid
  AND status = 'running'
  AND EXISTS (
      SELECT FROM jobs
      WHERE jobs.tenant_id = exports.tenant_id
        AND jobs.id = exports.job_id
        AND jobs.lease_id = %(lease_id)s::uuid
        AND jobs.attempt = %(attempt)s::integer
  )
