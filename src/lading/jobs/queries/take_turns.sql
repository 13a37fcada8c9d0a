-- Take the turn of the tenants that have waited longest, favoured ones first and those put behind last; a turn that
-- another worker holds is skipped, and so are the tenants in `without`.  `since` is where the next look may begin: no
-- turn is earlier, and one that is being dated by a transaction that has not ended is seldom older than half a second.
-- `top` is the last sequence handed out before the claim's own snapshot.
-- The turns are noted for claim_free.sql, which follows in the same round trip; none where one reserves: it would have to
-- wait for a lock between the two.
WITH alive AS MATERIALIZED (
    SELECT EXISTS (
        SELECT FROM leases
        WHERE leases.id = %(lease_id)s::uuid AND leases.state = 'active' AND leases.lease_until > lading_now()
    ) AS yes
),
ranked AS MATERIALIZED (
    SELECT tenant_id, priority
    FROM allocations
    WHERE strategy = 'priority' AND priority <> 0
),
favoured AS MATERIALIZED (
    SELECT turns.tenant_id, turns.ctid AS place
    FROM ranked
    JOIN turns USING (tenant_id)
    WHERE ranked.priority > 0 AND turns.next_at <= lading_now() AND (SELECT yes FROM alive)
      AND turns.tenant_id <> ALL(%(without)s::uuid[])
    ORDER BY ranked.priority DESC, turns.next_at
    LIMIT %(limit)s::integer
    FOR UPDATE OF turns SKIP LOCKED
),
ordinary AS MATERIALIZED (
    SELECT turns.tenant_id, turns.ctid AS place
    FROM turns
    WHERE turns.next_at >= %(since)s::timestamptz AND turns.next_at <= lading_now() AND (SELECT yes FROM alive)
      AND turns.tenant_id <> ALL(ARRAY(SELECT ranked.tenant_id FROM ranked))
      AND turns.tenant_id <> ALL(%(without)s::uuid[])
    ORDER BY turns.next_at
    LIMIT %(limit)s::integer - (SELECT count(*) FROM favoured)
    FOR UPDATE SKIP LOCKED
),
behind AS MATERIALIZED (
    SELECT turns.tenant_id, turns.ctid AS place
    FROM ranked
    JOIN turns USING (tenant_id)
    WHERE ranked.priority < 0 AND turns.next_at <= lading_now() AND (SELECT yes FROM alive)
      AND turns.tenant_id <> ALL(%(without)s::uuid[])
    ORDER BY ranked.priority DESC, turns.next_at
    LIMIT %(limit)s::integer - (SELECT count(*) FROM favoured) - (SELECT count(*) FROM ordinary)
    FOR UPDATE OF turns SKIP LOCKED
),
taken AS (
    SELECT tenant_id, place FROM favoured
    UNION ALL
    SELECT tenant_id, place FROM ordinary
    UNION ALL
    SELECT tenant_id, place FROM behind
)
SELECT all_of.tenants, all_of.places, reserved.is_reserved,
       least(
           (SELECT min(turns.next_at) FROM turns WHERE turns.next_at >= %(since)s::timestamptz),
           lading_now() - interval '500 milliseconds'
       )::text AS since,
       (SELECT last_value FROM jobs_sequence_seq) AS top,
       set_config('lading.turns', CASE WHEN is_reserved THEN '{}' ELSE all_of.tenants::text END, true),
       set_config('lading.places', CASE WHEN is_reserved THEN '{}' ELSE all_of.places::text END, true)
FROM (
    SELECT coalesce(array_agg(tenant_id), '{}') AS tenants, coalesce(array_agg(place::text), '{}') AS places
    FROM taken
) AS all_of
CROSS JOIN (
    SELECT EXISTS (SELECT FROM allocations WHERE strategy = 'reserved' AND reserved > 0) AS is_reserved
) AS reserved
