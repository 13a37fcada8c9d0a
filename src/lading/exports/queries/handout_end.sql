-- The file has arrived, or will not any more.
DELETE FROM handouts
WHERE tenant_id = %(tenant_id)s::uuid AND id = %(id)s::uuid
RETURNING export_id
