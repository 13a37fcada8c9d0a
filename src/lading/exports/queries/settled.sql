-- Which of these exports are over, so that their working files can go; a failed one keeps them for its retry.
SELECT id
FROM exports
WHERE tenant_id = %(tenant_id)s::uuid
  AND id = ANY(%(ids)s::uuid[])
  AND (status IN ('completed', 'expired') OR deleted_at IS NOT NULL
       OR (status IN ('failed', 'cancelled') AND expires_at <= lading_now()
           AND NOT EXISTS (
               SELECT FROM held WHERE held.tenant_id = exports.tenant_id AND held.export_id = exports.id
           )))
