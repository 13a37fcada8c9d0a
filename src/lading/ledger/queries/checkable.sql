-- One page of the tenants that have a ledger.
SELECT tenants.tenant_id, tenants.slug
FROM tenants
WHERE (%(slug)s::text IS NULL OR slug = %(slug)s::text)
  AND (%(after)s::uuid IS NULL OR tenant_id > %(after)s::uuid)
ORDER BY tenant_id
LIMIT %(limit)s::integer
