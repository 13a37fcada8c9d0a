-- Make the content's row live and locked until the artifact that points at it is committed.
-- A tombstoned file may be deleted at any time, so the row takes the file that the publisher brought; so does one whose
-- file the publisher found damaged.
INSERT INTO objects AS held (tenant_id, digest, size, blob_key)
VALUES (%(tenant_id)s::uuid, %(digest)s::bytea, %(size)s::bigint, %(blob_key)s::text)
ON CONFLICT (tenant_id, digest) DO UPDATE
SET state = 'live',
    tombstoned_at = NULL,
    created_at = CASE WHEN held.state = 'tombstoned' THEN lading_now() ELSE held.created_at END,
    blob_key = CASE
        WHEN held.state = 'tombstoned' OR held.blob_key = %(damaged_key)s::text THEN EXCLUDED.blob_key
        ELSE held.blob_key
    END
RETURNING blob_key
