-- How many deliveries to a destination have not ended, and what asks for more of them.
SELECT
    (
        SELECT count(*)
        FROM deliveries
        WHERE tenant_id = %(tenant_id)s::uuid AND destination = %(name)s::text AND status IN ('pending', 'running')
    ) AS deliveries,
    (
        SELECT count(*)
        FROM exports
        WHERE tenant_id = %(tenant_id)s::uuid AND %(name)s::text = ANY(destinations) AND status IN ('pending', 'running')
    ) AS exports
