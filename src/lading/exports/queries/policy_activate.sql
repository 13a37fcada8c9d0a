-- Make one revision the one that exports are judged by, or none; no row if it is so already.
UPDATE policies
SET active_revision = %(revision)s::integer,
    version = version + 1
WHERE tenant_id = %(tenant_id)s::uuid AND name = %(name)s::text
    AND active_revision IS DISTINCT FROM %(revision)s::integer
RETURNING version
