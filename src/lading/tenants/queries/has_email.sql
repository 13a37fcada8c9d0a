-- Whether somebody of the tenant has that e-mail already.
SELECT id
FROM members
WHERE tenant_id = %(tenant_id)s::uuid
  AND email = %(email)s::text
  AND removed_at IS NULL
