-- These files are published in this transaction; one that was given up meanwhile is missing from the answer.
DELETE FROM placements
WHERE tenant_id = %(tenant_id)s::uuid AND job_id = %(job_id)s::uuid AND blob_key = ANY(%(blob_keys)s::text[])
RETURNING blob_key
