-- The revisions of a policy without their documents, newest first.
SELECT r.name, r.revision, r.digest, r.created_at, r.created_by,
    r.revision IS NOT DISTINCT FROM p.active_revision AS is_active, p.version
FROM policies AS p
JOIN policy_revisions AS r ON r.tenant_id = p.tenant_id AND r.name = p.name
WHERE p.tenant_id = %(tenant_id)s::uuid AND p.name = %(name)s::text
ORDER BY r.revision DESC
LIMIT %(limit)s::integer
