-- Remember an upload that is about to be begun, its id, or that there is none any more.
UPDATE placements
SET part_bytes = %(part_bytes)s::bigint, upload_id = %(upload_id)s::text
WHERE tenant_id = %(tenant_id)s::uuid AND blob_key = %(blob_key)s::text
RETURNING blob_key
