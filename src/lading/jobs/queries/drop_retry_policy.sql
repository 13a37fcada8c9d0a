-- Forget the retry policy of a class.
DELETE FROM retry_policies
WHERE tenant_id = %(tenant_id)s::uuid AND kind = %(kind)s::text AND class = %(fault_class)s::text
RETURNING kind, class
