-- Which source each profile reads by its active revision.
SELECT profiles.name, revision.document -> 'source' ->> 'name' AS source
FROM profiles
JOIN profile_revisions AS revision
    ON revision.tenant_id = profiles.tenant_id AND revision.name = profiles.name
       AND revision.revision = profiles.active_revision
WHERE profiles.tenant_id = %(tenant_id)s::uuid
ORDER BY profiles.name
