-- Objects whose file is to be deleted, also those that a sweep left when it died; `after` leaves out what failed before.
SELECT digest, size, blob_key, state, created_at, tombstoned_at
FROM objects
WHERE tenant_id = %(tenant_id)s::uuid
  AND state = 'tombstoned'
  AND digest > %(after)s::bytea
ORDER BY digest
LIMIT %(limit)s::integer
