-- Where the last complete bundle ended, that one can follow.
SELECT coalesce(max((selector ->> 'end')::bigint), 0) AS "end"
FROM exports
WHERE tenant_id = %(tenant_id)s::uuid
  AND type = 'audit_bundle'
  AND status IN ('completed', 'expired')
  AND NOT selector ? 'subject'
