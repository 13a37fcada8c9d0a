-- Let a person in no more; what is kept says whom, so that claims do not let them in again.
UPDATE members
SET removed_at = lading_now(), email = NULL, name = NULL, version = version + 1
WHERE tenant_id = %(tenant_id)s::uuid
  AND id = %(id)s::uuid
RETURNING tenant_id, id, issuer, subject, email, name, role, is_claimed, version, created_by, created_at, joined_at,
          last_seen_at, removed_at
