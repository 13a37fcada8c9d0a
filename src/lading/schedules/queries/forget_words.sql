-- Take erased words off paused schedules: these texts, what is about this one, what this person said.
WITH paused AS (
    UPDATE schedules SET pause_reason = %(mark)s::text
    WHERE tenant_id = %(tenant_id)s::uuid AND pause_reason <> %(mark)s::text
        AND (pause_reason = ANY (%(words)s::text[]) OR id = %(id)s::uuid OR paused_by = %(about)s::text)
    RETURNING 1 AS copy
)
SELECT count(*) AS copies
FROM (
    SELECT copy FROM paused
) AS every
