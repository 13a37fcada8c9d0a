-- The parts of an upload that the store has.
SELECT number, size, digest, etag
FROM upload_parts
WHERE tenant_id = %(tenant_id)s::uuid AND export_id = %(export_id)s::uuid AND destination = %(destination)s::text
ORDER BY number
