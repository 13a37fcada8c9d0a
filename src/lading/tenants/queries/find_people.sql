-- Who somebody with a token may be, in the tenants that believe its issuer: known, or invited by e-mail.
SELECT tenant_id, id, issuer, subject, email, name, role, is_claimed, version, created_by, created_at, joined_at,
       last_seen_at, removed_at
FROM members
WHERE tenant_id = ANY(%(tenants)s::uuid[])
  AND (
      (issuer = %(issuer)s::text AND subject = %(subject)s::text)
      OR (email = %(email)s::text AND subject IS NULL AND removed_at IS NULL)
  )
