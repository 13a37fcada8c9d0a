-- One page of the allocations that were set, by slug: of one tenant, or of all (for the instance's admins); with what
-- of a reservation there are slots for, which depends on everybody's.
SELECT tenants.slug, allocations.strategy, allocations.weight, allocations.priority, allocations.reserved,
       allocations.max_active, allocations.max_queued, allocations.reason, allocations.ticket, allocations.version,
       CASE WHEN allocations.strategy = 'reserved' THEN coalesce(reservations.jobs, 0) END AS granted
FROM allocations
JOIN tenants USING (tenant_id)
LEFT JOIN reservations USING (tenant_id)
WHERE (%(slug)s::text IS NULL OR tenants.slug = %(slug)s::text)
  AND (%(after)s::text IS NULL OR tenants.slug > %(after)s::text)
ORDER BY tenants.slug
LIMIT %(limit)s::integer
