-- Tombstone what is locked, looked at again: an artifact may have been committed between the look and the lock.
UPDATE objects
SET state = 'tombstoned', tombstoned_at = lading_now()
WHERE tenant_id = %(tenant_id)s::uuid
  AND digest = ANY(%(digests)s::bytea[])
  AND state = 'live'
  AND NOT EXISTS (
      SELECT FROM artifacts
      WHERE artifacts.tenant_id = objects.tenant_id AND artifacts.digest = objects.digest
        AND artifacts.object_state IS NOT NULL
  )
RETURNING digest, size
