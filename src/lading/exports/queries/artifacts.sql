-- The files of one export or of many, the package first.
SELECT export_id, name, blob_key, media_type, size, digest, attempt
FROM artifacts
WHERE tenant_id = %(tenant_id)s::uuid AND export_id = ANY(%(export_ids)s::uuid[])
ORDER BY export_id, media_type <> 'application/zip', name
