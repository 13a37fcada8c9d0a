-- Files below the folders of exports that are still published: those of artifacts without an object.
SELECT blob_key
FROM artifacts
WHERE tenant_id = %(tenant_id)s::uuid AND export_id = ANY(%(export_ids)s::uuid[]) AND blob_key IS NOT NULL
