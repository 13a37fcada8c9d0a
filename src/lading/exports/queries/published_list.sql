-- One page of the files that exports hand out, those of the newest export first.
SELECT artifacts.export_id, artifacts.name, artifacts.media_type, artifacts.size, artifacts.digest,
       artifacts.attempt, artifacts.job_id, artifacts.lease_id, artifacts.source, artifacts.inputs,
       artifacts.download_count, artifacts.created_at, exports.profile, exports.revision,
       profile_revisions.digest AS profile_digest
FROM artifacts
JOIN exports ON exports.tenant_id = artifacts.tenant_id AND exports.id = artifacts.export_id
LEFT JOIN profile_revisions
    ON profile_revisions.tenant_id = exports.tenant_id AND profile_revisions.name = exports.profile
    AND profile_revisions.revision = exports.revision
WHERE artifacts.tenant_id = %(tenant_id)s::uuid
  AND (%(digest)s::bytea IS NULL OR artifacts.digest = %(digest)s::bytea)
  AND (%(export_id)s::uuid IS NULL OR artifacts.export_id = %(export_id)s::uuid)
  AND (%(media_type)s::text IS NULL OR artifacts.media_type = %(media_type)s::text)
  AND (%(created_from)s::timestamptz IS NULL OR artifacts.created_at >= %(created_from)s::timestamptz)
  AND (%(created_to)s::timestamptz IS NULL OR artifacts.created_at < %(created_to)s::timestamptz)
  AND (
      %(before_export)s::uuid IS NULL
      OR (artifacts.export_id, artifacts.name) < (%(before_export)s::uuid, %(before_name)s::text)
  )
ORDER BY artifacts.export_id DESC, artifacts.name DESC
LIMIT %(limit)s::integer
