-- Hand out due jobs of tenants whose turn the caller holds (take_turns.sql), within pause, blackout, breaker, quota
-- and bucket.  The turns were taken by an earlier statement of this transaction: only so does this one see all that
-- their former holders have done.  A lane that is blocked is left out before jobs are ranked, so that it can't use up
-- what another lane could have.  `refilled_at` never goes back: a transaction may have begun before its forerunner's.
WITH turn AS MATERIALIZED (
    SELECT unnest(%(tenants)s::uuid[]) AS tenant_id
),
share AS MATERIALIZED (
    SELECT ceil(%(limit)s::float8 / greatest(1, count(*)))::integer AS jobs FROM turn
),
lane AS MATERIALIZED (
    SELECT lanes.tenant_id, lanes.kind, lanes.host, lanes.waiting_for AS was, lanes.eligible_at AS was_until,
           least(buckets.burst, buckets.tokens
               + buckets.rate * greatest(0, extract(epoch FROM lading_now() - buckets.refilled_at))) AS tokens,
           buckets.rate,
           least(quotas.burst, quotas.tokens + quotas.max_per_hour / 3600.0
               * greatest(0, extract(epoch FROM lading_now() - quotas.refilled_at))) AS starts,
           quotas.max_per_hour / 3600.0 AS starts_rate,
           quotas.max_active - (
               SELECT count(*) FROM jobs
               WHERE jobs.tenant_id = lanes.tenant_id AND jobs.kind = lanes.kind AND jobs.state = 'running'
           ) AS slots,
           breakers.state AS breaker, breakers.retry_at, breakers.probe_until,
           EXISTS (
               SELECT FROM pauses
               WHERE pauses.tenant_id = lanes.tenant_id
                 AND (pauses.scope = 'tenant'
                      OR (pauses.scope = 'kind' AND pauses.target = lanes.kind)
                      OR (pauses.scope = 'source' AND pauses.target = lanes.host))
                 AND pauses.ends_at IS NULL
                 AND pauses.starts_at <= lading_now()
           ) AS is_paused,
           (
               SELECT max(pauses.ends_at) FROM pauses
               WHERE pauses.tenant_id = lanes.tenant_id
                 AND (pauses.scope = 'tenant'
                      OR (pauses.scope = 'kind' AND pauses.target = lanes.kind)
                      OR (pauses.scope = 'source' AND pauses.target = lanes.host))
                 AND pauses.starts_at <= lading_now()
                 AND pauses.ends_at > lading_now()
           ) AS blackout_until
    FROM turn
    JOIN lanes USING (tenant_id)
    LEFT JOIN buckets USING (tenant_id, host)
    LEFT JOIN quotas USING (tenant_id, kind)
    LEFT JOIN breakers USING (tenant_id, host)
    WHERE lanes.kind = ANY(%(kinds)s::text[])
      AND EXISTS (
          SELECT FROM jobs
          WHERE jobs.tenant_id = lanes.tenant_id AND jobs.kind = lanes.kind AND jobs.host = lanes.host
            AND jobs.state = 'pending'
      )
),
judged AS MATERIALIZED (
    SELECT lane.*, verdict.waiting_for, verdict.eligible_at
    FROM lane
    CROSS JOIN LATERAL (
        SELECT
            CASE
                WHEN is_paused THEN 'pause'
                WHEN blackout_until IS NOT NULL THEN 'blackout'
                WHEN breaker = 'open' AND retry_at > lading_now() THEN 'breaker'
                WHEN breaker = 'half_open' AND probe_until > lading_now() THEN 'breaker'
                WHEN slots <= 0 THEN 'quota'
                WHEN starts < 1 THEN 'quota'
                WHEN tokens < 1 THEN 'rate'
            END AS waiting_for,
            CASE
                WHEN is_paused THEN NULL
                WHEN blackout_until IS NOT NULL THEN blackout_until
                WHEN breaker = 'open' AND retry_at > lading_now() THEN retry_at
                WHEN breaker = 'half_open' AND probe_until > lading_now() THEN probe_until
                WHEN slots <= 0 THEN NULL
                WHEN starts < 1 THEN lading_now() + make_interval(secs => (1 - starts) / starts_rate)
                WHEN tokens < 1 THEN lading_now() + make_interval(secs => (1 - tokens) / rate)
            END AS eligible_at
    ) AS verdict
),
candidate AS MATERIALIZED (
    SELECT job.id, job.priority, job.sequence, judged.tenant_id, judged.kind, judged.host,
           judged.slots, judged.starts, judged.tokens, judged.breaker
    FROM judged
    CROSS JOIN share
    CROSS JOIN LATERAL (
        SELECT jobs.id, jobs.priority, jobs.sequence
        FROM jobs
        WHERE jobs.tenant_id = judged.tenant_id AND jobs.kind = judged.kind AND jobs.host = judged.host
          AND jobs.state = 'pending'
          AND (NOT jobs.is_solo OR %(batch_id)s::uuid IS NULL)
          AND NOT EXISTS (
              SELECT FROM pauses
              WHERE pauses.tenant_id = jobs.tenant_id AND pauses.scope = 'job' AND pauses.target = jobs.id::text
                AND pauses.starts_at <= lading_now()
                AND (pauses.ends_at IS NULL OR pauses.ends_at > lading_now())
          )
        ORDER BY jobs.priority DESC, jobs.sequence
        LIMIT CASE WHEN judged.breaker IN ('open', 'half_open') THEN 1 ELSE share.jobs END
        FOR UPDATE SKIP LOCKED
    ) AS job
    WHERE judged.waiting_for IS NULL
),
within_quota AS MATERIALIZED (
    SELECT *
    FROM (
        SELECT candidate.*, row_number() OVER (PARTITION BY tenant_id, kind ORDER BY priority DESC, sequence) AS place
        FROM candidate
    ) AS ranked
    WHERE place <= least(coalesce(slots, place), coalesce(floor(starts), place))
),
within_rate AS MATERIALIZED (
    SELECT *
    FROM (
        SELECT id, tenant_id, kind, host, priority, sequence, tokens, breaker,
               row_number() OVER (PARTITION BY tenant_id, host ORDER BY priority DESC, sequence) AS place
        FROM within_quota
    ) AS ranked
    WHERE place <= least(coalesce(floor(tokens), place), CASE WHEN breaker IN ('open', 'half_open') THEN 1 ELSE place END)
),
chosen AS MATERIALIZED (
    SELECT *
    FROM (
        SELECT within_rate.*, row_number() OVER (PARTITION BY tenant_id ORDER BY priority DESC, sequence) AS rank
        FROM within_rate
    ) AS ranked
    WHERE rank <= (SELECT jobs FROM share)
    ORDER BY rank, priority DESC, sequence
    LIMIT %(limit)s::integer
),
spent_tokens AS (
    UPDATE buckets
    SET tokens = taken.tokens - taken.jobs, refilled_at = greatest(buckets.refilled_at, lading_now())
    FROM (SELECT tenant_id, host, max(tokens) AS tokens, count(*) AS jobs FROM chosen GROUP BY tenant_id, host) AS taken
    WHERE buckets.tenant_id = taken.tenant_id AND buckets.host = taken.host
),
spent_starts AS (
    UPDATE quotas
    SET tokens = least(quotas.burst, quotas.tokens + quotas.max_per_hour / 3600.0
            * greatest(0, extract(epoch FROM lading_now() - quotas.refilled_at))) - taken.jobs,
        refilled_at = greatest(quotas.refilled_at, lading_now())
    FROM (SELECT tenant_id, kind, count(*) AS jobs FROM chosen GROUP BY tenant_id, kind) AS taken
    WHERE quotas.tenant_id = taken.tenant_id AND quotas.kind = taken.kind AND quotas.max_per_hour IS NOT NULL
),
probes AS (
    UPDATE breakers
    SET state = 'half_open', retry_at = NULL, probe_until = lading_now() + interval '60 seconds', changed_at = lading_now()
    FROM (SELECT DISTINCT tenant_id, host FROM chosen WHERE breaker IN ('open', 'half_open')) AS probe
    WHERE breakers.tenant_id = probe.tenant_id AND breakers.host = probe.host
),
shown AS (
    UPDATE lanes
    SET waiting_for = judged.waiting_for, eligible_at = judged.eligible_at,
        since = CASE WHEN judged.waiting_for IS DISTINCT FROM judged.was THEN lading_now() ELSE lanes.since END
    FROM judged
    WHERE lanes.tenant_id = judged.tenant_id AND lanes.kind = judged.kind AND lanes.host = judged.host
      AND (judged.waiting_for, judged.eligible_at) IS DISTINCT FROM (judged.was, judged.was_until)
),
passed AS (
    UPDATE turns
    SET next_at = CASE
        WHEN EXISTS (SELECT FROM chosen WHERE chosen.tenant_id = turns.tenant_id) THEN clock_timestamp()
        WHEN EXISTS (  -- work for other workers than this one
            SELECT FROM lanes
            JOIN jobs USING (tenant_id, kind, host)
            WHERE lanes.tenant_id = turns.tenant_id AND lanes.kind <> ALL(%(kinds)s::text[]) AND jobs.state = 'pending'
        ) THEN clock_timestamp()
        ELSE coalesce(
            (SELECT min(judged.eligible_at) FROM judged WHERE judged.tenant_id = turns.tenant_id), 'infinity')
    END
    WHERE tenant_id IN (SELECT tenant_id FROM turn)
)
UPDATE jobs
SET state = 'running', lease_id = %(lease_id)s::uuid, claimed_at = lading_now(), rev = rev + 1,
    batch_id = %(batch_id)s::uuid,
    attempt = attempt + CASE WHEN %(batch_id)s::uuid IS NULL THEN 0 ELSE 1 END,
    started_at = CASE WHEN %(batch_id)s::uuid IS NULL THEN NULL ELSE lading_now() END
WHERE id = ANY(ARRAY(SELECT id FROM chosen))
RETURNING *
