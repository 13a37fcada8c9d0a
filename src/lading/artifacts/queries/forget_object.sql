-- The file is gone, so is the row; one that was published again meanwhile has another file and stays.
DELETE FROM objects
WHERE tenant_id = %(tenant_id)s::uuid
  AND digest = %(digest)s::bytea
  AND blob_key = %(blob_key)s::text
  AND state = 'tombstoned'
