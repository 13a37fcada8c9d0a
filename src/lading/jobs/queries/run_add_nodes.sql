-- Every node of a new run, in one statement.
INSERT INTO run_nodes (tenant_id, run_id, key, place, job_id, kind, host, on_failure, definition)
SELECT %(tenant_id)s::uuid, %(run_id)s::uuid, given.key, given.place, given.job_id, given.kind, given.host,
       given.on_failure, given.definition
FROM unnest(
    %(keys)s::text[], %(places)s::integer[], %(job_ids)s::uuid[], %(kinds)s::text[], %(hosts)s::text[],
    %(policies)s::text[], %(definitions)s::jsonb[]
) AS given (key, place, job_id, kind, host, on_failure, definition)
