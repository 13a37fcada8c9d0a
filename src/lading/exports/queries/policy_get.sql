-- One revision with its document; without a number, the active one.
SELECT r.name, r.revision, r.document, r.digest, r.created_at, r.created_by,
    r.revision IS NOT DISTINCT FROM p.active_revision AS is_active, p.version
FROM policies AS p
JOIN policy_revisions AS r ON r.tenant_id = p.tenant_id AND r.name = p.name
WHERE p.tenant_id = %(tenant_id)s::uuid AND p.name = %(name)s::text
    AND r.revision = coalesce(%(revision)s::integer, p.active_revision)
