-- Which holds keep these exports.
SELECT export_id, hold_id, ticket
FROM held
WHERE tenant_id = %(tenant_id)s::uuid AND export_id = ANY(%(export_ids)s::uuid[])
ORDER BY export_id, hold_id
