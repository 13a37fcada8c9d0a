-- Destinations of a tenant by name: all of them, or those that are named.
SELECT *
FROM destinations
WHERE tenant_id = %(tenant_id)s::uuid AND (%(names)s::text[] IS NULL OR name = ANY(%(names)s::text[]))
ORDER BY name
