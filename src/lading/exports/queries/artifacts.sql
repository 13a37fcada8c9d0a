-- The files of one export or of many, the package first; those without an object have a file of their own.
SELECT artifacts.export_id, artifacts.name, coalesce(objects.blob_key, artifacts.blob_key) AS blob_key,
       artifacts.media_type, artifacts.size, artifacts.digest, artifacts.attempt
FROM artifacts
LEFT JOIN objects
    ON objects.tenant_id = artifacts.tenant_id AND objects.digest = artifacts.digest
    AND objects.state = artifacts.object_state
WHERE artifacts.tenant_id = %(tenant_id)s::uuid AND artifacts.export_id = ANY(%(export_ids)s::uuid[])
ORDER BY artifacts.export_id, artifacts.media_type <> 'application/zip', artifacts.name
