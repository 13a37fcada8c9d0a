-- Store the next revision of a locked policy, and count the change.
WITH changed AS (
    UPDATE policies
    SET version = version + 1
    WHERE tenant_id = %(tenant_id)s::uuid AND name = %(name)s::text
    RETURNING version
), added AS (
    INSERT INTO policy_revisions (tenant_id, name, revision, document, digest, created_by)
    SELECT
        %(tenant_id)s::uuid, %(name)s::text, coalesce(max(r.revision), 0) + 1, %(document)s::jsonb, %(digest)s::bytea,
        %(created_by)s::text
    FROM policy_revisions AS r
    WHERE r.tenant_id = %(tenant_id)s::uuid AND r.name = %(name)s::text
    RETURNING revision
)
SELECT added.revision, changed.version
FROM added, changed
