-- Take erased words off what was decided about exports: these texts, about this thing, said by this person.
WITH held_back AS (
    UPDATE holds SET
        reason = CASE
            WHEN reason = ANY (%(words)s::text[]) OR id = %(id)s::uuid OR placed_by = %(about)s::text THEN %(mark)s::text ELSE reason
        END,
        lift_reason = CASE
            WHEN lift_reason = ANY (%(words)s::text[]) OR lift_reason IS NOT NULL AND (id = %(id)s::uuid OR lifted_by = %(about)s::text)
                THEN %(mark)s::text
            ELSE lift_reason
        END
    WHERE tenant_id = %(tenant_id)s::uuid
        AND (
            reason <> %(mark)s::text AND (reason = ANY (%(words)s::text[]) OR id = %(id)s::uuid OR placed_by = %(about)s::text)
            OR lift_reason <> %(mark)s::text AND (lift_reason = ANY (%(words)s::text[]) OR id = %(id)s::uuid OR lifted_by = %(about)s::text)
        )
    RETURNING 1 AS copy
),
judged AS (
    UPDATE approvals SET reason = %(mark)s::text
    WHERE tenant_id = %(tenant_id)s::uuid AND reason <> %(mark)s::text
        AND (reason = ANY (%(words)s::text[]) OR export_id = %(id)s::uuid OR decided_by = %(about)s::text)
    RETURNING 1 AS copy
),
profiled AS (
    UPDATE profile_activations SET reason = %(mark)s::text
    WHERE tenant_id = %(tenant_id)s::uuid AND reason <> %(mark)s::text
        AND (reason = ANY (%(words)s::text[]) OR activated_by = %(about)s::text)
    RETURNING 1 AS copy
),
ruled AS (
    UPDATE policy_activations SET reason = %(mark)s::text
    WHERE tenant_id = %(tenant_id)s::uuid AND reason <> %(mark)s::text
        AND (reason = ANY (%(words)s::text[]) OR activated_by = %(about)s::text)
    RETURNING 1 AS copy
),
retained AS (
    UPDATE retention_rules SET reason = %(mark)s::text
    WHERE tenant_id = %(tenant_id)s::uuid AND reason <> %(mark)s::text
        AND (reason = ANY (%(words)s::text[]) OR set_by = %(about)s::text)
    RETURNING 1 AS copy
)
SELECT count(*) AS copies
FROM (
    SELECT copy FROM held_back
    UNION ALL SELECT copy FROM judged
    UNION ALL SELECT copy FROM profiled
    UNION ALL SELECT copy FROM ruled
    UNION ALL SELECT copy FROM retained
) AS every
