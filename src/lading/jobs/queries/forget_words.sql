-- Take erased words off jobs that were cancelled, runs, letters and retry policies.
WITH asked AS (
    UPDATE jobs SET cancel_reason = %(mark)s::text
    WHERE tenant_id = %(tenant_id)s::uuid AND cancel_reason <> %(mark)s::text
        AND cancel_reason <> ALL (ARRAY['parent-failed', 'run-failed', 'run-cancelled'])
        AND (cancel_reason = ANY (%(words)s::text[]) OR id = %(id)s::uuid OR subject = %(about)s::text)
    RETURNING 1 AS copy
),
ended AS (
    UPDATE finished_jobs SET error = jsonb_set(error, '{message}', to_jsonb(%(mark)s::text))
    WHERE tenant_id = %(tenant_id)s::uuid AND code = 'cancelled' AND error ->> 'message' <> %(mark)s::text
        AND (error ->> 'message' = ANY (%(words)s::text[]) OR id = %(id)s::uuid OR subject = %(about)s::text)
    RETURNING id, 1 AS copy
),
tried AS (
    UPDATE attempts SET error = jsonb_set(error, '{message}', to_jsonb(%(mark)s::text))
    WHERE tenant_id = %(tenant_id)s::uuid AND job_id IN (SELECT id FROM ended) AND outcome = 'cancelled'
        AND error IS NOT NULL
    RETURNING 1 AS copy
),
stopped AS (
    UPDATE runs SET cancel_reason = %(mark)s::text
    WHERE tenant_id = %(tenant_id)s::uuid AND cancel_reason <> %(mark)s::text
        AND (cancel_reason = ANY (%(words)s::text[]) OR id = %(id)s::uuid)
    RETURNING 1 AS copy
),
closed AS (
    UPDATE dead_letters SET reason = %(mark)s::text
    WHERE tenant_id = %(tenant_id)s::uuid AND reason <> %(mark)s::text
        AND (reason = ANY (%(words)s::text[]) OR job_id = %(id)s::uuid OR closed_by = %(about)s::text)
    RETURNING 1 AS copy
),
retried AS (
    UPDATE retry_policies SET reason = %(mark)s::text
    WHERE tenant_id = %(tenant_id)s::uuid AND reason = ANY (%(words)s::text[])
    RETURNING 1 AS copy
)
SELECT count(*) AS copies
FROM (
    SELECT copy FROM asked
    UNION ALL SELECT copy FROM ended
    UNION ALL SELECT copy FROM tried
    UNION ALL SELECT copy FROM stopped
    UNION ALL SELECT copy FROM closed
    UNION ALL SELECT copy FROM retried
) AS every
