-- Where the package of a new export goes and who can read it.
UPDATE exports
SET destinations = %(destinations)s::text[], encrypt_to = %(encrypt_to)s::text[]
WHERE tenant_id = %(tenant_id)s::uuid AND id = %(id)s::uuid
