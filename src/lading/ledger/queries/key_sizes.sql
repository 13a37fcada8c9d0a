-- Up to which size each tenant's log is believed under a revoked key; NULL where no head was signed by then.  `logs` has
-- every tree the tenant ever had, by origin; the tenant of the installation has the logs over all tenants there, too.
SELECT tenants.tenant_id, limits.origin, limits.size, limits.root,
    coalesce(
        (
            SELECT jsonb_object_agg(logs.origin, logs.size)
            FROM signing_key_logs AS logs
            WHERE logs.tenant_id = tenants.tenant_id AND logs.keyid = %(keyid)s::text
        ),
        '{}'
    ) AS logs
FROM tenants
LEFT JOIN signing_key_sizes AS limits
    ON limits.tenant_id = tenants.tenant_id AND limits.keyid = %(keyid)s::text
ORDER BY tenants.tenant_id
