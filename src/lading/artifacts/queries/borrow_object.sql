-- Lock content that is there already until the artifact that points at it too is committed; none when it is not live
-- under that name any more.
SELECT blob_key
FROM objects
WHERE tenant_id = %(tenant_id)s::uuid
  AND digest = %(digest)s::bytea
  AND blob_key = %(blob_key)s::text
  AND state = 'live'
FOR SHARE
