-- Take the one turn that is due and held by another worker, by waiting for it: a claim lasts milliseconds.
-- A turn just passed on is dated a little after this transaction began.  It is noted for claim_free.sql.
WITH taken AS MATERIALIZED (
    SELECT tenant_id, ctid::text AS place
    FROM turns
    WHERE next_at >= %(since)s::timestamptz
      AND next_at <= lading_now() + interval '1 second'
      AND EXISTS (
          SELECT FROM leases
          WHERE leases.id = %(lease_id)s::uuid AND leases.state = 'active' AND leases.lease_until > lading_now()
      )
    ORDER BY next_at
    LIMIT 1
    FOR UPDATE
)
SELECT tenant_id, place,
       set_config('lading.turns', ARRAY[tenant_id]::text, true), set_config('lading.places', ARRAY[place]::text, true)
FROM taken
