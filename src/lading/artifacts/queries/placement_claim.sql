-- A file of this content is about to be brought by this job: under the name that an earlier attempt gave it, or a new one.
INSERT INTO placements AS claimed (tenant_id, blob_key, job_id, digest)
VALUES (%(tenant_id)s::uuid, %(blob_key)s::text, %(job_id)s::uuid, %(digest)s::bytea)
ON CONFLICT (tenant_id, job_id, digest) DO UPDATE SET job_id = claimed.job_id
RETURNING blob_key
