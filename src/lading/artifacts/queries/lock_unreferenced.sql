-- Lock objects that no artifact points at; what is being published is locked and skipped.
SELECT digest
FROM objects
WHERE tenant_id = %(tenant_id)s::uuid
  AND state = 'live'
  AND created_at <= lading_now() - make_interval(secs => %(grace_seconds)s::float8)
  AND (%(digests)s::bytea[] IS NULL OR digest = ANY(%(digests)s::bytea[]))
  AND NOT EXISTS (
      SELECT FROM artifacts
      WHERE artifacts.tenant_id = objects.tenant_id AND artifacts.digest = objects.digest
        AND artifacts.object_state IS NOT NULL
  )
ORDER BY digest
LIMIT %(limit)s::integer
FOR UPDATE SKIP LOCKED
