-- Hand out due jobs as claim.sql would, in a batch, of tenants whom nothing limits: no pause, bucket, breaker, quota or
-- allocation, and no lane that is shown to wait.  Where one of them is limited nothing is done and no turn is dated:
-- claim.sql decides then.  Whether it is so is looked at here, because this statement sees what was committed after the
-- turns were taken.
-- Which turns those are it reads from the settings of the transaction, where the statement that took them noted them: so
-- both go to the server in one round trip.
WITH mine AS MATERIALIZED (
    SELECT nullif(current_setting('lading.turns', true), '')::uuid[] AS tenants,
           nullif(current_setting('lading.places', true), '')::tid[] AS places
),
turn AS MATERIALIZED (
    SELECT turn.tenant_id, turn.place
    FROM mine
    CROSS JOIN LATERAL unnest(mine.tenants, mine.places) AS turn (tenant_id, place)
),
lane AS MATERIALIZED (
    SELECT tenant_id, kind, host, waiting_for, eligible_at
    FROM lanes
    WHERE tenant_id = ANY((SELECT tenants FROM mine)::uuid[]) AND kind = ANY(%(kinds)s::text[])
),
limited AS MATERIALIZED (
    SELECT EXISTS (SELECT FROM lane WHERE waiting_for IS NOT NULL OR eligible_at IS NOT NULL)
        OR EXISTS (
            SELECT FROM pauses
            WHERE tenant_id = ANY((SELECT tenants FROM mine)::uuid[]) AND starts_at <= lading_now()
              AND (ends_at IS NULL OR ends_at > lading_now())
        )
        OR EXISTS (
            SELECT FROM quotas
            WHERE tenant_id = ANY((SELECT tenants FROM mine)::uuid[]) AND (kind = '*' OR kind = ANY(%(kinds)s::text[]))
        )
        OR EXISTS (
            SELECT FROM allocations
            WHERE tenant_id = ANY((SELECT tenants FROM mine)::uuid[]) AND strategy <> 'unlimited'
        )
        OR EXISTS (
            SELECT FROM lane
            WHERE EXISTS (
                SELECT FROM buckets WHERE buckets.tenant_id = lane.tenant_id AND buckets.host = lane.host
            ) OR EXISTS (
                SELECT FROM breakers
                WHERE breakers.tenant_id = lane.tenant_id AND breakers.host = lane.host AND breakers.state <> 'closed'
            )
        ) AS yes
),
-- Enough of each tenant that what the others can't use is not lost.
share AS MATERIALIZED (
    SELECT least(%(limit)s::integer, 3 * ceil(%(limit)s::float8 / nullif(cardinality(mine.tenants), 0)))::integer AS jobs
    FROM mine
),
span AS MATERIALIZED (
    SELECT *
    FROM unnest(
        %(mark_tenants)s::uuid[], %(mark_kinds)s::text[], %(mark_hosts)s::text[],
        %(mark_lows)s::smallint[], %(mark_highs)s::smallint[], %(mark_floors)s::bigint[]
    ) AS span (tenant_id, kind, host, low, high, floor)
),
candidate AS MATERIALIZED (
    SELECT job.place, job.priority, job.sequence, lane.tenant_id
    FROM lane
    CROSS JOIN LATERAL (
        SELECT found.place, found.priority, found.sequence
        FROM (
            SELECT coalesce(span.low, -32768)::smallint AS low, coalesce(span.high, 32767)::smallint AS high,
                   coalesce(span.floor, 0) AS floor
            FROM (SELECT) AS this
            LEFT JOIN span ON span.tenant_id = lane.tenant_id AND span.kind = lane.kind AND span.host = lane.host
            ORDER BY span.high DESC
        ) AS span
        CROSS JOIN LATERAL (
            (
                SELECT jobs.ctid AS place, jobs.priority, jobs.sequence
                FROM jobs
                WHERE jobs.tenant_id = lane.tenant_id AND jobs.kind = lane.kind AND jobs.host = lane.host
                  AND jobs.state = 'pending'
                  AND span.low = span.high AND jobs.priority = span.low AND jobs.sequence >= span.floor
                  AND NOT jobs.is_solo
                ORDER BY jobs.sequence
                LIMIT (SELECT share.jobs FROM share)
            )
            UNION ALL
            (
                SELECT jobs.ctid AS place, jobs.priority, jobs.sequence
                FROM jobs
                WHERE jobs.tenant_id = lane.tenant_id AND jobs.kind = lane.kind AND jobs.host = lane.host
                  AND jobs.state = 'pending'
                  AND span.low < span.high AND jobs.priority BETWEEN span.low AND span.high
                  AND NOT jobs.is_solo
                ORDER BY jobs.priority DESC, jobs.sequence
                LIMIT (SELECT share.jobs FROM share)
            )
        ) AS found
        LIMIT (SELECT share.jobs FROM share)
    ) AS job
    WHERE NOT (SELECT yes FROM limited)
),
-- In rotation; of a single tenant that is the order in which it wants them.
chosen AS MATERIALIZED (
    (
        SELECT place
        FROM candidate
        WHERE (SELECT cardinality(mine.tenants) FROM mine) = 1
        ORDER BY priority DESC, sequence
        LIMIT %(limit)s::integer
    )
    UNION ALL
    (
        SELECT place
        FROM (
            SELECT place, priority, sequence,
                   row_number() OVER (PARTITION BY tenant_id ORDER BY priority DESC, sequence) AS rank
            FROM candidate
            WHERE (SELECT cardinality(mine.tenants) FROM mine) > 1
        ) AS ranked
        ORDER BY rank, priority DESC, sequence
        LIMIT %(limit)s::integer
    )
),
-- Who changes a job that waits holds its row for a moment; such a job is left for the next claim.
-- The state is compared so that no index on what is pending serves it: a plan made for a small table would walk it all.
locked AS MATERIALIZED (
    SELECT jobs.ctid AS place
    FROM jobs
    WHERE jobs.ctid = ANY(ARRAY(SELECT place FROM chosen)) AND jobs.state = (SELECT 'pending')
    FOR UPDATE SKIP LOCKED
),
-- A turn is only dated anew when another tenant waits for its own: else the order stays what it is.
crowd AS MATERIALIZED (
    SELECT EXISTS (
        SELECT FROM turns
        WHERE next_at >= %(since)s::timestamptz AND next_at <= lading_now() + interval '1 second'
          AND tenant_id <> ALL((SELECT tenants FROM mine)::uuid[])
    ) AS waits
),
following AS MATERIALIZED (
    SELECT turn.place,
           turn.tenant_id = ANY(ARRAY(SELECT DISTINCT candidate.tenant_id FROM candidate))
           OR EXISTS (  -- what must run alone, which a batch does not take
               SELECT FROM lane
               JOIN jobs USING (tenant_id, kind, host)
               WHERE lane.tenant_id = turn.tenant_id AND jobs.is_solo AND jobs.state = 'pending'
           ) OR EXISTS (  -- work for other workers than this one
               SELECT FROM lanes
               CROSS JOIN LATERAL (
                   SELECT FROM jobs
                   WHERE jobs.tenant_id = lanes.tenant_id AND jobs.kind = lanes.kind AND jobs.host = lanes.host
                     AND jobs.state = 'pending'
                   LIMIT 1
               ) AS job
               WHERE lanes.tenant_id = turn.tenant_id AND lanes.kind <> ALL(%(kinds)s::text[])
           ) AS is_due
    FROM turn
    WHERE NOT (SELECT yes FROM limited)
),
passed AS (
    UPDATE turns
    SET next_at = CASE WHEN following.is_due THEN clock_timestamp() ELSE 'infinity' END
    FROM following
    WHERE turns.ctid = following.place AND turns.ctid = ANY((SELECT places FROM mine)::tid[])
      AND (NOT following.is_due OR turns.next_at = 'infinity' OR (SELECT waits FROM crowd))
)
UPDATE jobs
SET state = 'running', lease_id = %(lease_id)s::uuid, claimed_at = (SELECT lading_now()), rev = rev + 1,
    batch_id = %(batch_id)s::uuid, attempt = attempt + 1, started_at = (SELECT lading_now())
WHERE ctid = ANY(ARRAY(SELECT place FROM locked))
RETURNING jobs.tenant_id, jobs.id, jobs.kind, jobs.host, jobs.subject, jobs.payload, jobs.attempt, jobs.failures,
    jobs.crashes, jobs.max_attempts, jobs.max_crashes, jobs.error, jobs.rev, jobs.run_id, jobs.replay_of,
    jobs.payload_digest, jobs.deadline_seconds, jobs.started_at::text, jobs.priority, jobs.sequence,
    (SELECT concat_ws(':', pg_snapshot_xmin(seen), pg_snapshot_xmax(seen)) FROM pg_current_snapshot() AS seen) AS seen
