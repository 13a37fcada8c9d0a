-- What these exports asked a second person for, and what became of it.
SELECT approvals.*, exports.approval AS state, exports.requested_by
FROM approvals
JOIN exports ON exports.tenant_id = approvals.tenant_id AND exports.id = approvals.export_id
WHERE approvals.tenant_id = %(tenant_id)s::uuid AND approvals.export_id = ANY(%(export_ids)s::uuid[])
  AND exports.approval IS NOT NULL
