-- Which of these files no object has, nobody is bringing to the bucket, and no running attempt may still publish: an
-- attempt that has ended never can.
SELECT given.blob_key
FROM unnest(%(blob_keys)s::text[], %(job_ids)s::uuid[], %(attempts)s::integer[]) AS given (blob_key, job_id, attempt)
WHERE NOT EXISTS (
    SELECT FROM objects
    WHERE objects.tenant_id = %(tenant_id)s::uuid AND objects.blob_key = given.blob_key
)
AND NOT EXISTS (
    SELECT FROM placements
    WHERE placements.tenant_id = %(tenant_id)s::uuid AND placements.blob_key = given.blob_key
)
AND NOT EXISTS (
    SELECT FROM jobs
    WHERE jobs.tenant_id = %(tenant_id)s::uuid AND jobs.id = given.job_id
      AND jobs.state = 'running' AND jobs.attempt = given.attempt
)
