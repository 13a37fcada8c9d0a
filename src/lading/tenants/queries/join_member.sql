-- Remember who an invited person turned out to be, once; no row when somebody was faster.
UPDATE members
SET issuer = %(issuer)s::text, subject = %(subject)s::text, joined_at = lading_now(), version = version + 1
WHERE tenant_id = %(tenant_id)s::uuid
  AND id = %(id)s::uuid
  AND joined_at IS NULL
  AND removed_at IS NULL
RETURNING tenant_id, id, issuer, subject, email, name, role, is_claimed, version, created_by, created_at, joined_at,
          last_seen_at, removed_at
