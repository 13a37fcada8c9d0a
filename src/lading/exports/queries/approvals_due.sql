-- Exports that waited long enough for a second person's word.
SELECT exports.id
FROM exports
JOIN approvals ON approvals.tenant_id = exports.tenant_id AND approvals.export_id = exports.id
WHERE exports.tenant_id = %(tenant_id)s::uuid AND exports.approval = 'pending' AND exports.status = 'pending'
  AND approvals.expires_at <= lading_now()
ORDER BY approvals.expires_at
LIMIT %(limit)s::integer
