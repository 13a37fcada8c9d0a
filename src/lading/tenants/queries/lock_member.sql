-- One person of a tenant, held until it has changed.
SELECT tenant_id, id, issuer, subject, email, name, role, is_claimed, version, created_by, created_at, joined_at,
       last_seen_at, removed_at
FROM members
WHERE tenant_id = %(tenant_id)s::uuid
  AND id = %(id)s::uuid
FOR UPDATE
