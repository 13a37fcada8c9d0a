-- Who made a key, and which key it was made after.
SELECT created_by, replaces
FROM api_keys
WHERE tenant_id = %(tenant_id)s::uuid AND id = %(id)s::uuid
