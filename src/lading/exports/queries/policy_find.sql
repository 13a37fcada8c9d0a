-- The revision that already holds this document.
SELECT revision
FROM policy_revisions
WHERE tenant_id = %(tenant_id)s::uuid AND name = %(name)s::text AND digest = %(digest)s::bytea
