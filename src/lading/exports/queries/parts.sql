-- The parts of an export in the order of their keys, with what is done of them.
SELECT number, low, high, result
FROM export_parts
WHERE tenant_id = %(tenant_id)s::uuid AND export_id = %(export_id)s::uuid
ORDER BY number
