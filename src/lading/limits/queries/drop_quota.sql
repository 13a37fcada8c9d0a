-- Lift the limit of a kind.
DELETE FROM quotas
WHERE tenant_id = %(tenant_id)s::uuid AND kind = %(kind)s::text
RETURNING version
