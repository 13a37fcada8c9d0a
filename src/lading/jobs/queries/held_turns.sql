-- Where the turns are now that this transaction holds, and whether one of them is still due; noted for claim_free.sql.
WITH held AS MATERIALIZED (
    SELECT array_agg(tenant_id) AS tenants, array_agg(ctid::text) AS places,
           bool_or(next_at <= lading_now() + interval '1 second') AS is_due
    FROM turns
    WHERE tenant_id = ANY(%(tenants)s::uuid[])
)
SELECT tenants, places, is_due,
       set_config('lading.turns', tenants::text, true), set_config('lading.places', places::text, true)
FROM held
