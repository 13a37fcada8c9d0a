-- Remember a part that the bucket has; one that was sent again replaces the first.
INSERT INTO placement_parts (tenant_id, blob_key, number, size, digest, etag)
VALUES (
    %(tenant_id)s::uuid, %(blob_key)s::text, %(number)s::integer, %(size)s::bigint, %(digest)s::bytea, %(etag)s::text
)
ON CONFLICT (tenant_id, blob_key, number) DO UPDATE
SET size = excluded.size, digest = excluded.digest, etag = excluded.etag
