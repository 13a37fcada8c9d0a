-- The upload of a file that an earlier attempt left.
SELECT digest, part_bytes, upload_id
FROM placements
WHERE tenant_id = %(tenant_id)s::uuid AND blob_key = %(blob_key)s::text AND part_bytes IS NOT NULL
