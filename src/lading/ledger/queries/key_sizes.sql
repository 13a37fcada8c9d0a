-- Up to which size each tenant's log is believed under a revoked key; NULL where no head was signed by then.
SELECT tenants.tenant_id, limits.origin, limits.size, limits.root
FROM tenants
LEFT JOIN signing_key_sizes AS limits
    ON limits.tenant_id = tenants.tenant_id AND limits.keyid = %(keyid)s::text
ORDER BY tenants.tenant_id
