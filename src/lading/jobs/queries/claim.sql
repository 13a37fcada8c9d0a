-- Hand out due jobs of tenants whose turn the caller holds (take_turns.sql), within pause, blackout, breaker, quota,
-- bucket and allocation.  The turns were taken by an earlier statement of this transaction: only so does this one see
-- all that their former holders have done.  A lane that is blocked is left out before jobs are ranked, so that it can't
-- use up what another lane could have.  `refilled_at` never goes back: a transaction may have begun before its
-- forerunner's.  Whatever looks for pending jobs looks in the spans of the caller's marks (marks.py), so that index
-- entries of jobs that were claimed long ago are not walked over.
-- `reservation` is what tenants have reserved and don't use, as far as living workers have slots for it.
WITH reservation AS MATERIALIZED (
    SELECT reservations.tenant_id,
           greatest(0, reservations.jobs - (
               SELECT count(*) FROM jobs WHERE jobs.tenant_id = reservations.tenant_id AND jobs.state = 'running'
           )) AS jobs
    FROM reservations
    WHERE %(is_reserved)s::boolean
),
turn AS MATERIALIZED (
    SELECT held.tenant_id, held.place,
           CASE allocations.strategy WHEN 'proportional' THEN allocations.weight ELSE 1 END AS weight,
           CASE allocations.strategy WHEN 'priority' THEN allocations.priority ELSE 0 END AS favour,
           CASE allocations.strategy
               WHEN 'max_limit' THEN allocations.max_active - (
                   SELECT count(*) FROM jobs WHERE jobs.tenant_id = held.tenant_id AND jobs.state = 'running'
               )
           END AS slots,
           coalesce(reservation.jobs, 0) AS reserved
    FROM unnest(%(tenants)s::uuid[], %(places)s::tid[]) AS held (tenant_id, place)
    LEFT JOIN allocations USING (tenant_id)
    LEFT JOIN reservation USING (tenant_id)
),
-- Enough of each tenant that what the others can't use is not lost.
share AS MATERIALIZED (
    SELECT tenant_id,
           CASE WHEN favour > 0 THEN %(limit)s::integer
                ELSE least(%(limit)s::integer, 3 * ceil(%(limit)s::float8 * weight / sum(weight) OVER ()))
           END::integer AS jobs
    FROM turn
),
-- What is free for all: slots of living workers that are neither used nor kept for who has reserved them.
pool AS MATERIALIZED (
    SELECT CASE WHEN %(is_reserved)s::boolean THEN greatest(
        0,
        (SELECT coalesce(sum(slots), 0) FROM leases WHERE state = 'active' AND lease_until > lading_now())
        - (SELECT count(*) FROM jobs WHERE jobs.state = 'running')
        - (SELECT coalesce(sum(reservation.jobs), 0) FROM reservation)
    ) END AS jobs
),
stop AS MATERIALIZED (
    SELECT tenant_id, scope, target, ends_at
    FROM pauses
    WHERE tenant_id = ANY(%(tenants)s::uuid[]) AND starts_at <= lading_now()
      AND (ends_at IS NULL OR ends_at > lading_now())
),
bucket AS MATERIALIZED (
    SELECT tenant_id, host, rate * factor AS rate, blocked_until,
           least(greatest(1, burst * factor), tokens
               + rate * factor * greatest(0, extract(epoch FROM lading_now() - refilled_at))) AS tokens
    FROM buckets
    WHERE tenant_id = ANY(%(tenants)s::uuid[])
),
-- A quota of kind '*' is about all kinds of the tenant together.
quota AS MATERIALIZED (
    SELECT tenant_id, kind, max_per_hour / 3600.0 AS rate,
           least(burst, tokens
               + max_per_hour / 3600.0 * greatest(0, extract(epoch FROM lading_now() - refilled_at))) AS starts,
           CASE WHEN max_active IS NOT NULL THEN max_active - (
               SELECT count(*) FROM jobs
               WHERE jobs.tenant_id = quotas.tenant_id AND (jobs.kind = quotas.kind OR quotas.kind = '*')
                 AND jobs.state = 'running'
           ) END AS slots
    FROM quotas
    WHERE tenant_id = ANY(%(tenants)s::uuid[]) AND (kind = '*' OR kind = ANY(%(kinds)s::text[]))
),
lane AS MATERIALIZED (
    SELECT lanes.tenant_id, lanes.kind, lanes.host, lanes.waiting_for AS was, lanes.eligible_at AS was_until,
           turn.weight, turn.favour, turn.reserved, least(turn.slots, total.slots) AS total_slots,
           total.starts AS total_starts, total.rate AS total_rate,
           quota.slots, quota.starts, quota.rate AS starts_rate, bucket.tokens, bucket.rate, bucket.blocked_until,
           breakers.state AS breaker, breakers.retry_at, breakers.probe_until, stopped.is_paused, stopped.blackout_until
    FROM turn
    JOIN lanes USING (tenant_id)
    LEFT JOIN bucket USING (tenant_id, host)
    LEFT JOIN quota USING (tenant_id, kind)
    LEFT JOIN breakers USING (tenant_id, host)
    LEFT JOIN quota AS total ON total.tenant_id = turn.tenant_id AND total.kind = '*'
    CROSS JOIN LATERAL (
        SELECT coalesce(bool_or(stop.ends_at IS NULL), false) AS is_paused, max(stop.ends_at) AS blackout_until
        FROM stop
        WHERE stop.tenant_id = lanes.tenant_id
          AND (stop.scope = 'tenant'
               OR (stop.scope = 'kind' AND stop.target = lanes.kind)
               OR (stop.scope = 'source' AND stop.target = lanes.host))
    ) AS stopped
    WHERE lanes.kind = ANY(%(kinds)s::text[])
),
judged AS MATERIALIZED (
    SELECT lane.*, verdict.waiting_for, verdict.eligible_at,
           CASE WHEN lane.breaker IN ('open', 'half_open') THEN 1 END AS probes
    FROM lane
    CROSS JOIN LATERAL (
        SELECT
            CASE
                WHEN is_paused THEN 'pause'
                WHEN blackout_until IS NOT NULL THEN 'blackout'
                WHEN breaker = 'open' AND retry_at > lading_now() THEN 'breaker'
                WHEN breaker = 'half_open' AND probe_until > lading_now() THEN 'breaker'
                WHEN slots <= 0 OR total_slots <= 0 THEN 'quota'
                WHEN reserved + (SELECT jobs FROM pool) <= 0 THEN 'quota'
                WHEN starts < 1 OR total_starts < 1 THEN 'quota'
                WHEN blocked_until > lading_now() THEN 'rate'
                WHEN tokens < 1 THEN 'rate'
            END AS waiting_for,
            CASE
                WHEN is_paused THEN NULL
                WHEN blackout_until IS NOT NULL THEN blackout_until
                WHEN breaker = 'open' AND retry_at > lading_now() THEN retry_at
                WHEN breaker = 'half_open' AND probe_until > lading_now() THEN probe_until
                WHEN slots <= 0 OR total_slots <= 0 THEN NULL
                WHEN reserved + (SELECT jobs FROM pool) <= 0 THEN NULL
                WHEN starts < 1 OR total_starts < 1 THEN lading_now() + make_interval(secs => greatest(
                    (1 - starts) / starts_rate, (1 - total_starts) / total_rate))
                WHEN blocked_until > lading_now() THEN blocked_until
                WHEN tokens < 1 THEN lading_now() + make_interval(secs => (1 - tokens) / rate)
            END AS eligible_at
    ) AS verdict
),
span AS MATERIALIZED (
    SELECT *
    FROM unnest(
        %(mark_tenants)s::uuid[], %(mark_kinds)s::text[], %(mark_hosts)s::text[],
        %(mark_lows)s::smallint[], %(mark_highs)s::smallint[], %(mark_floors)s::bigint[]
    ) AS span (tenant_id, kind, host, low, high, floor)
),
candidate AS MATERIALIZED (
    SELECT job.place, job.priority, job.sequence, judged.*
    FROM judged
    JOIN share USING (tenant_id)
    CROSS JOIN LATERAL (
        SELECT found.place, found.priority, found.sequence
        FROM (
            SELECT coalesce(span.low, -32768)::smallint AS low, coalesce(span.high, 32767)::smallint AS high,
                   coalesce(span.floor, 0) AS floor
            FROM (SELECT) AS lane
            LEFT JOIN span
                ON span.tenant_id = judged.tenant_id AND span.kind = judged.kind AND span.host = judged.host
            ORDER BY span.high DESC
        ) AS span
        CROSS JOIN LATERAL (
            (
                SELECT jobs.ctid AS place, jobs.priority, jobs.sequence
                FROM jobs
                WHERE jobs.tenant_id = judged.tenant_id AND jobs.kind = judged.kind AND jobs.host = judged.host
                  AND jobs.state = 'pending'
                  AND span.low = span.high AND jobs.priority = span.low AND jobs.sequence >= span.floor
                  AND (NOT jobs.is_solo OR %(batch_id)s::uuid IS NULL)
                  AND jobs.id::text <> ALL(ARRAY(SELECT stop.target FROM stop WHERE stop.scope = 'job'))
                ORDER BY jobs.sequence
                LIMIT share.jobs
            )
            UNION ALL
            (
                SELECT jobs.ctid AS place, jobs.priority, jobs.sequence
                FROM jobs
                WHERE jobs.tenant_id = judged.tenant_id AND jobs.kind = judged.kind AND jobs.host = judged.host
                  AND jobs.state = 'pending'
                  AND span.low < span.high AND jobs.priority BETWEEN span.low AND span.high
                  AND (NOT jobs.is_solo OR %(batch_id)s::uuid IS NULL)
                  AND jobs.id::text <> ALL(ARRAY(SELECT stop.target FROM stop WHERE stop.scope = 'job'))
                ORDER BY jobs.priority DESC, jobs.sequence
                LIMIT share.jobs
            )
        ) AS found
        LIMIT CASE WHEN judged.waiting_for IS NULL THEN coalesce(judged.probes, share.jobs) ELSE 1 END
    ) AS job
),
within_quota AS MATERIALIZED (
    SELECT *
    FROM (
        SELECT candidate.*, row_number() OVER (PARTITION BY tenant_id, kind ORDER BY priority DESC, sequence) AS spot
        FROM candidate
        WHERE waiting_for IS NULL
    ) AS ranked
    WHERE spot <= least(coalesce(slots, spot), coalesce(floor(starts), spot))
),
within_rate AS MATERIALIZED (
    SELECT *
    FROM (
        SELECT place, tenant_id, kind, host, priority, sequence, tokens, breaker, probes, weight, favour, reserved,
               total_slots, total_starts,
               row_number() OVER (PARTITION BY tenant_id, host ORDER BY priority DESC, sequence) AS spot
        FROM within_quota
    ) AS ranked
    WHERE spot <= least(coalesce(floor(tokens), spot), coalesce(probes, spot))
),
within_total AS MATERIALIZED (
    SELECT *
    FROM (
        SELECT within_rate.*, row_number() OVER (PARTITION BY tenant_id ORDER BY priority DESC, sequence) AS rank
        FROM within_rate
    ) AS ranked
    WHERE rank <= least(coalesce(total_slots, rank), coalesce(floor(total_starts), rank))
),
within_pool AS MATERIALIZED (
    SELECT *
    FROM (
        SELECT within_total.*,
               sum(CASE WHEN rank > reserved THEN 1 ELSE 0 END) OVER (
                   ORDER BY favour DESC, rank::float8 / weight, priority DESC, sequence
                   ROWS UNBOUNDED PRECEDING
               ) AS pooled
        FROM within_total
    ) AS ranked
    WHERE rank <= reserved OR pooled <= coalesce((SELECT jobs FROM pool), pooled)
),
chosen AS MATERIALIZED (
    SELECT *
    FROM within_pool
    ORDER BY favour DESC, rank::float8 / weight, priority DESC, sequence
    LIMIT %(limit)s::integer
),
-- Who changes a job that waits holds its row for a moment; such a job is left for the next claim.
-- The state is compared so that no index on what is pending serves it: a plan made for a small table would walk it all.
locked AS MATERIALIZED (
    SELECT jobs.ctid AS place, jobs.tenant_id, jobs.kind, jobs.host
    FROM jobs
    WHERE jobs.ctid = ANY(ARRAY(SELECT place FROM chosen)) AND jobs.state = (SELECT 'pending')
    FOR UPDATE SKIP LOCKED
),
spent_tokens AS (
    UPDATE buckets
    SET tokens = least(buckets.burst, bucket.tokens - taken.jobs), refilled_at = greatest(buckets.refilled_at, lading_now())
    FROM (SELECT tenant_id, host, count(*) AS jobs FROM locked GROUP BY tenant_id, host) AS taken
    JOIN bucket USING (tenant_id, host)
    WHERE buckets.tenant_id = taken.tenant_id AND buckets.host = taken.host
),
spent_starts AS (
    UPDATE quotas
    SET tokens = quota.starts - taken.jobs, refilled_at = greatest(quotas.refilled_at, lading_now())
    FROM (
        SELECT tenant_id, kind, count(*) AS jobs FROM locked GROUP BY tenant_id, kind
        UNION ALL
        SELECT tenant_id, '*', count(*) AS jobs FROM locked GROUP BY tenant_id
    ) AS taken
    JOIN quota USING (tenant_id, kind)
    WHERE quotas.tenant_id = taken.tenant_id AND quotas.kind = taken.kind AND quotas.max_per_hour IS NOT NULL
),
probing AS (
    UPDATE breakers
    SET state = 'half_open', retry_at = NULL, probe_until = lading_now() + interval '60 seconds', changed_at = lading_now()
    FROM (
        SELECT DISTINCT locked.tenant_id, locked.host
        FROM locked
        JOIN judged USING (tenant_id, kind, host)
        WHERE judged.probes IS NOT NULL
    ) AS probe
    WHERE breakers.tenant_id = probe.tenant_id AND breakers.host = probe.host
),
occupied AS MATERIALIZED (
    SELECT DISTINCT tenant_id, kind, host, was, was_until, waiting_for, eligible_at, reserved, total_slots, slots
    FROM candidate
),
shown AS (
    UPDATE lanes
    SET waiting_for = occupied.waiting_for, eligible_at = occupied.eligible_at,
        since = CASE WHEN occupied.waiting_for IS DISTINCT FROM occupied.was THEN lading_now() ELSE lanes.since END
    FROM occupied
    WHERE lanes.tenant_id = occupied.tenant_id AND lanes.kind = occupied.kind AND lanes.host = occupied.host
      AND (occupied.waiting_for, occupied.eligible_at) IS DISTINCT FROM (occupied.was, occupied.was_until)
),
-- A turn is only dated anew when another tenant waits for its own: else the order stays what it is.
crowd AS MATERIALIZED (
    SELECT EXISTS (
        SELECT FROM turns
        WHERE next_at >= %(since)s::timestamptz AND next_at <= lading_now() + interval '1 second'
          AND tenant_id <> ALL(%(tenants)s::uuid[])
    ) AS waits
),
following AS MATERIALIZED (
    SELECT turn.place,
           EXISTS (
               SELECT FROM occupied WHERE occupied.tenant_id = turn.tenant_id AND occupied.waiting_for IS NULL
           ) OR EXISTS (  -- what must run alone, which a batch does not take
               SELECT FROM judged
               JOIN jobs USING (tenant_id, kind, host)
               WHERE judged.tenant_id = turn.tenant_id AND judged.waiting_for IS NULL
                 AND jobs.is_solo AND jobs.state = 'pending' AND %(batch_id)s::uuid IS NOT NULL
           ) OR EXISTS (  -- work for other workers than this one
               SELECT FROM lanes
               CROSS JOIN LATERAL (
                   SELECT FROM jobs
                   WHERE jobs.tenant_id = lanes.tenant_id AND jobs.kind = lanes.kind AND jobs.host = lanes.host
                     AND jobs.state = 'pending'
                   LIMIT 1
               ) AS job
               WHERE lanes.tenant_id = turn.tenant_id AND lanes.kind <> ALL(%(kinds)s::text[])
           ) AS is_due,
           (
               SELECT min(coalesce(occupied.eligible_at, CASE
                   WHEN occupied.waiting_for = 'quota' AND occupied.reserved + (SELECT jobs FROM pool) <= 0
                   THEN lading_now() + interval '250 milliseconds'  -- room comes from other tenants, who don't wake this one
               END))
               FROM occupied
               WHERE occupied.tenant_id = turn.tenant_id
           ) AS eligible_at
    FROM turn
),
passed AS (
    UPDATE turns
    SET next_at = CASE WHEN following.is_due THEN clock_timestamp() ELSE coalesce(following.eligible_at, 'infinity') END
    FROM following
    WHERE turns.ctid = following.place AND turns.ctid = ANY(%(places)s::tid[])
      AND (NOT following.is_due OR turns.next_at = 'infinity' OR (SELECT waits FROM crowd))
)
UPDATE jobs
SET state = 'running', lease_id = %(lease_id)s::uuid, claimed_at = (SELECT lading_now()), rev = rev + 1,
    batch_id = %(batch_id)s::uuid,
    attempt = attempt + CASE WHEN %(batch_id)s::uuid IS NULL THEN 0 ELSE 1 END,
    started_at = CASE WHEN %(batch_id)s::uuid IS NULL THEN NULL ELSE (SELECT lading_now()) END
WHERE ctid = ANY(ARRAY(SELECT place FROM locked))
RETURNING jobs.tenant_id, jobs.id, jobs.kind, jobs.host, jobs.subject, jobs.payload, jobs.attempt, jobs.failures,
    jobs.crashes, jobs.max_attempts, jobs.max_crashes, jobs.error, jobs.rev, jobs.run_id, jobs.replay_of,
    jobs.payload_digest, jobs.deadline_seconds, jobs.started_at::text, jobs.priority, jobs.sequence,
    (SELECT concat_ws(':', pg_snapshot_xmin(seen), pg_snapshot_xmax(seen)) FROM pg_current_snapshot() AS seen) AS seen
