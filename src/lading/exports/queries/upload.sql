-- The upload that an earlier attempt at a delivery left.
SELECT object_name, upload_id, digest, part_bytes
FROM uploads
WHERE tenant_id = %(tenant_id)s::uuid AND export_id = %(export_id)s::uuid AND destination = %(destination)s::text
