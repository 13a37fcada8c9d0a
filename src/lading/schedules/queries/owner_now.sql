-- Whether the owner of a schedule is still let in, and a member's role of now: a key that was not revoked, or was
-- replaced by one that was not, keeps the role it was made with; a member that was not removed and whose provider is
-- believed has the one they were given since.
WITH RECURSIVE keys AS (
    SELECT k.id, k.revoked_at
    FROM schedules AS s
    JOIN api_keys AS k ON k.id = s.owner
    WHERE s.tenant_id = %(tenant_id)s::uuid AND s.id = %(id)s::uuid AND s.owner_kind = 'key'
    UNION
    SELECT r.id, r.revoked_at
    FROM keys AS k
    JOIN api_keys AS r ON r.replaces = k.id
), member AS (
    SELECT
        m.role,
        m.removed_at IS NOT NULL OR NOT EXISTS (
            SELECT FROM identity_providers AS p WHERE p.tenant_id = m.tenant_id AND p.issuer = m.issuer
        ) AS is_gone
    FROM schedules AS s
    JOIN members AS m ON m.id = s.owner
    WHERE s.tenant_id = %(tenant_id)s::uuid AND s.id = %(id)s::uuid AND s.owner_kind <> 'key'
    LIMIT 1
)
SELECT
    coalesce((SELECT bool_and(revoked_at IS NOT NULL) FROM keys), (SELECT is_gone FROM member), false) AS is_gone,
    (SELECT role FROM member) AS role
