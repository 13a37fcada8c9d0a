-- Remember the id that the bucket gave an upload.
UPDATE placements
SET upload_id = %(upload_id)s::text
WHERE tenant_id = %(tenant_id)s::uuid AND blob_key = %(blob_key)s::text AND part_bytes IS NOT NULL
RETURNING blob_key
