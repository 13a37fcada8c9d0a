-- Give a person another role or name; from now on the tenant decides it, not the provider's claims.
UPDATE members
SET role = %(role)s::text, name = %(name)s::text, is_claimed = false, version = version + 1
WHERE tenant_id = %(tenant_id)s::uuid
  AND id = %(id)s::uuid
RETURNING tenant_id, id, issuer, subject, email, name, role, is_claimed, version, created_by, created_at, joined_at,
          last_seen_at, removed_at
