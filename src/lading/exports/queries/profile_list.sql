-- Every profile of a tenant with its newest and its active revision.
SELECT p.name, p.active_revision, coalesce(max(r.revision), 0) AS latest_revision
FROM profiles AS p
LEFT JOIN profile_revisions AS r ON r.tenant_id = p.tenant_id AND r.name = p.name
WHERE p.tenant_id = %(tenant_id)s::uuid
GROUP BY p.tenant_id, p.name, p.active_revision
ORDER BY p.name
