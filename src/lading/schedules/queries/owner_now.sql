-- Whether the owner of a schedule is still there: a key that was not revoked, or was replaced by one that was not; a
-- member that was not removed.
WITH RECURSIVE keys AS (
    SELECT k.id, k.revoked_at
    FROM schedules AS s
    JOIN api_keys AS k ON k.id = s.owner
    WHERE s.tenant_id = %(tenant_id)s::uuid AND s.id = %(id)s::uuid AND s.owner_kind = 'key'
    UNION
    SELECT r.id, r.revoked_at
    FROM keys AS k
    JOIN api_keys AS r ON r.replaces = k.id
)
SELECT coalesce(
    (SELECT bool_and(revoked_at IS NOT NULL) FROM keys),
    (
        SELECT m.removed_at IS NOT NULL
        FROM schedules AS s
        JOIN members AS m ON m.id = s.owner
        WHERE s.tenant_id = %(tenant_id)s::uuid AND s.id = %(id)s::uuid AND s.owner_kind <> 'key'
        LIMIT 1
    ),
    false
) AS is_gone
