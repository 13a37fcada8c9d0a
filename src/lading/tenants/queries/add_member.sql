-- Add a person, or let one in again who was removed; no row when the tenant has that person already.
INSERT INTO members (tenant_id, id, issuer, subject, email, name, role, is_claimed, created_by, joined_at)
VALUES (
    %(tenant_id)s::uuid, %(id)s::uuid, %(issuer)s::text, %(subject)s::text, %(email)s::text, %(name)s::text,
    %(role)s::text, %(is_claimed)s::boolean, %(created_by)s::text,
    CASE WHEN %(is_claimed)s::boolean THEN lading_now() END
)
ON CONFLICT (tenant_id, issuer, subject) DO UPDATE
SET email = excluded.email, name = excluded.name, role = excluded.role, is_claimed = excluded.is_claimed,
    created_by = excluded.created_by, created_at = lading_now(), version = members.version + 1, removed_at = NULL
WHERE members.removed_at IS NOT NULL AND NOT excluded.is_claimed
RETURNING tenant_id, id, issuer, subject, email, name, role, is_claimed, version, created_by, created_at, joined_at,
          last_seen_at, removed_at
