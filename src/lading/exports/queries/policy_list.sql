-- A page of the policies of a tenant, by name, with their newest and their active revision.
SELECT p.name, p.active_revision, p.version, newest.revision AS latest_revision,
       newest.document ->> 'title' AS title
FROM policies AS p
JOIN LATERAL (
    SELECT r.revision, r.document
    FROM policy_revisions AS r
    WHERE r.tenant_id = p.tenant_id AND r.name = p.name
    ORDER BY r.revision DESC
    LIMIT 1
) AS newest ON true
WHERE p.tenant_id = %(tenant_id)s::uuid AND p.name > coalesce(%(after)s::text, '')
ORDER BY p.name
LIMIT %(limit)s::integer
