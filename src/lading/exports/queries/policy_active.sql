-- What exports of a tenant are judged by now.
SELECT r.name, r.revision, r.digest, r.document
FROM policies AS p
JOIN policy_revisions AS r
    ON r.tenant_id = p.tenant_id AND r.name = p.name AND r.revision = p.active_revision
WHERE p.tenant_id = %(tenant_id)s::uuid
ORDER BY r.name
