-- Remember the digest of the plain package, also where only the encrypted one is published.
UPDATE exports
SET package_digest = %(digest)s::bytea
WHERE tenant_id = %(tenant_id)s::uuid AND id = %(id)s::uuid
