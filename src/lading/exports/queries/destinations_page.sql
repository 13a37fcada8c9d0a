-- One page of the destinations of a tenant, by name.
SELECT *
FROM destinations
WHERE tenant_id = %(tenant_id)s::uuid AND (%(after)s::text IS NULL OR name > %(after)s::text)
ORDER BY name
LIMIT %(limit)s::integer
