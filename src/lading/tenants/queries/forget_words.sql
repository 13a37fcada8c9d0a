-- Take erased words off revoked keys and a suspended organisation: these texts, and what is about this one.
WITH revoked AS (
    UPDATE api_keys SET revoke_reason = %(mark)s::text
    WHERE tenant_id = %(tenant_id)s::uuid AND revoke_reason <> %(mark)s::text
        AND (revoke_reason = ANY (%(words)s::text[]) OR id = %(id)s::uuid)
    RETURNING 1 AS copy
),
suspended AS (
    UPDATE tenants SET suspend_reason = %(mark)s::text
    WHERE tenant_id = %(tenant_id)s::uuid AND suspend_reason <> %(mark)s::text
        AND (suspend_reason = ANY (%(words)s::text[]) OR tenant_id = %(id)s::uuid)
    RETURNING 1 AS copy
)
SELECT count(*) AS copies
FROM (
    SELECT copy FROM revoked
    UNION ALL SELECT copy FROM suspended
) AS every
