-- Take erased words off pauses and limits: these texts, what is about this thing, what this person said.
WITH paused AS (
    UPDATE pauses SET
        reason = CASE
            WHEN reason = ANY (%(words)s::text[]) OR id = %(id)s::uuid OR created_by = %(about)s::text THEN %(mark)s::text ELSE reason
        END,
        lift_reason = CASE
            WHEN lift_reason = ANY (%(words)s::text[]) OR lift_reason IS NOT NULL AND (id = %(id)s::uuid OR lifted_by = %(about)s::text)
                THEN %(mark)s::text
            ELSE lift_reason
        END
    WHERE tenant_id = %(tenant_id)s::uuid
        AND (
            reason <> %(mark)s::text AND (reason = ANY (%(words)s::text[]) OR id = %(id)s::uuid OR created_by = %(about)s::text)
            OR lift_reason <> %(mark)s::text AND (lift_reason = ANY (%(words)s::text[]) OR id = %(id)s::uuid OR lifted_by = %(about)s::text)
        )
    RETURNING 1 AS copy
),
shares AS (
    UPDATE allocations SET reason = %(mark)s::text
    WHERE tenant_id = %(tenant_id)s::uuid AND reason = ANY (%(words)s::text[])
    RETURNING 1 AS copy
),
rates AS (
    UPDATE buckets SET reason = %(mark)s::text
    WHERE tenant_id = %(tenant_id)s::uuid AND reason = ANY (%(words)s::text[])
    RETURNING 1 AS copy
),
calls AS (
    UPDATE call_quotas SET reason = %(mark)s::text
    WHERE tenant_id = %(tenant_id)s::uuid AND reason = ANY (%(words)s::text[])
    RETURNING 1 AS copy
),
limited AS (
    UPDATE quotas SET reason = %(mark)s::text
    WHERE tenant_id = %(tenant_id)s::uuid AND reason = ANY (%(words)s::text[])
    RETURNING 1 AS copy
)
SELECT count(*) AS copies
FROM (
    SELECT copy FROM paused
    UNION ALL SELECT copy FROM shares
    UNION ALL SELECT copy FROM rates
    UNION ALL SELECT copy FROM calls
    UNION ALL SELECT copy FROM limited
) AS every
