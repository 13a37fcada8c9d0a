-- Close the open letters of a job and of those of its run that worked for the same subject: another job does their work.
UPDATE dead_letters
SET state = 'requeued', closed_at = lading_now(), closed_by = %(closed_by)s::text, reason = %(reason)s::text, ticket = NULL
WHERE tenant_id = %(tenant_id)s::uuid
  AND state = 'open'
  AND (
      job_id = %(job_id)s::uuid
      OR subject = %(subject)s::text AND job_id IN (
          SELECT node.job_id FROM run_nodes AS node
          WHERE node.tenant_id = %(tenant_id)s::uuid AND node.run_id = %(run_id)s::uuid
      )
  )
RETURNING job_id, subject
