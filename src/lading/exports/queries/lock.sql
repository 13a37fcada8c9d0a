-- Lock one export for a change of state.
SELECT id, job_id, status, stage, rev, version, retry_count
FROM exports
WHERE tenant_id = %(tenant_id)s::uuid AND id = %(id)s::uuid AND deleted_at IS NULL
FOR UPDATE
