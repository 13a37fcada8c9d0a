-- What earlier attempts have completed.
SELECT stage, attempt, result
FROM checkpoints
WHERE tenant_id = %(tenant_id)s::uuid AND export_id = %(export_id)s::uuid
