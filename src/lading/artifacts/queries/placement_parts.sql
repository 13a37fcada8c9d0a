-- The parts of a file that the bucket has.
SELECT number, size, digest, etag
FROM placement_parts
WHERE tenant_id = %(tenant_id)s::uuid AND blob_key = %(blob_key)s::text
ORDER BY number
