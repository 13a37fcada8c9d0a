-- One page of the tenants of the instance, for its admins.
SELECT tenant_id, slug, name, created_at, version, suspended_at, suspend_reason, suspend_ticket, pause_id
FROM tenants
WHERE %(after)s::text IS NULL OR slug > %(after)s::text
ORDER BY slug
LIMIT %(limit)s::integer
