-- Lock an export that is due, if it still is and nobody else has it in hand.
SELECT id
FROM exports
WHERE tenant_id = %(tenant_id)s::uuid
  AND id = %(id)s::uuid
  AND status = 'completed'
  AND deleted_at IS NULL
  AND expires_at <= lading_now()
FOR UPDATE SKIP LOCKED
