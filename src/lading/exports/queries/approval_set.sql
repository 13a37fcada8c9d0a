-- Where the second person's word stands, as everybody sees it.
UPDATE exports
SET approval = %(approval)s::text, rev = rev + 1, version = version + 1
WHERE tenant_id = %(tenant_id)s::uuid AND id = %(export_id)s::uuid
RETURNING rev
