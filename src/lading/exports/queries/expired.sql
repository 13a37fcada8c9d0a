-- Completed exports whose retention is over.
SELECT id
FROM exports
WHERE tenant_id = %(tenant_id)s::uuid AND status = 'completed' AND expires_at <= lading_now() AND deleted_at IS NULL
ORDER BY expires_at
LIMIT 100
