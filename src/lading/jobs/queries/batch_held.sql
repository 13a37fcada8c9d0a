-- What a lease holds in batches; of one batch when that is given: who lost the answer to a claim made that id itself.
SELECT *
FROM jobs
WHERE lease_id = %(lease_id)s::uuid
  AND state = 'running'
  AND batch_id IS NOT NULL
  AND (%(batch_id)s::uuid IS NULL OR batch_id = %(batch_id)s::uuid)
