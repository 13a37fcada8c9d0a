-- One page of holds, the newest first: active or lifted ones, all or those that keep one export.
SELECT *
FROM holds
WHERE tenant_id = %(tenant_id)s::uuid
  AND (lifted_at IS NOT NULL) = %(lifted)s::boolean
  AND (%(before)s::uuid IS NULL OR id < %(before)s::uuid)
  AND (
      %(export_id)s::uuid IS NULL
      OR export_id = %(export_id)s::uuid
      OR id IN (
          SELECT hold_id FROM held WHERE tenant_id = %(tenant_id)s::uuid AND held.export_id = %(export_id)s::uuid
      )
  )
ORDER BY id DESC
LIMIT %(limit)s::integer
