-- Forget the parts of an upload: it is whole, gone, or begun anew.
DELETE FROM placement_parts
WHERE tenant_id = %(tenant_id)s::uuid AND blob_key = %(blob_key)s::text
