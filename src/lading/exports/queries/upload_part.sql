-- Remember a part that the store has; one that was sent again replaces the first.
INSERT INTO upload_parts (tenant_id, export_id, destination, number, size, digest, etag)
VALUES (
    %(tenant_id)s::uuid, %(export_id)s::uuid, %(destination)s::text, %(number)s::integer, %(size)s::bigint,
    %(digest)s::bytea, %(etag)s::text
)
ON CONFLICT (tenant_id, export_id, destination, number) DO UPDATE
SET size = excluded.size, digest = excluded.digest, etag = excluded.etag
