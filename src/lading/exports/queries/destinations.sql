-- Destinations of a tenant that are named.
SELECT *
FROM destinations
WHERE tenant_id = %(tenant_id)s::uuid AND name = ANY(%(names)s::text[])
