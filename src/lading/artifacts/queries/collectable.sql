-- What a collection would take now: objects without an artifact, and those that are tombstoned already.
SELECT count(*) AS objects, coalesce(sum(size), 0)::bigint AS bytes
FROM objects
WHERE tenant_id = %(tenant_id)s::uuid
  AND (
      state = 'tombstoned'
      OR created_at <= lading_now() - make_interval(secs => %(grace_seconds)s::float8)
      AND NOT EXISTS (
          SELECT FROM artifacts
          WHERE artifacts.tenant_id = objects.tenant_id AND artifacts.digest = objects.digest
            AND artifacts.object_state IS NOT NULL
      )
  )
