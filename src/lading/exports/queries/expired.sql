-- Completed exports whose retention is over and that no hold keeps, those behind a place; looked at again when locked.
SELECT id, expires_at
FROM exports
WHERE tenant_id = %(tenant_id)s::uuid
  AND status = 'completed'
  AND deleted_at IS NULL
  AND expires_at <= lading_now()
  AND (%(after_id)s::uuid IS NULL OR (expires_at, id) > (%(after_at)s::timestamptz, %(after_id)s::uuid))
  AND NOT EXISTS (SELECT FROM held WHERE held.tenant_id = exports.tenant_id AND held.export_id = exports.id)
ORDER BY expires_at, id
LIMIT %(limit)s::integer
