-- A run of pages was read, and its rows are durable.
INSERT INTO export_pages (tenant_id, export_id, mark, number, result, job_id, attempt)
VALUES (
    %(tenant_id)s::uuid, %(export_id)s::uuid, %(mark)s::text, %(number)s::integer, %(result)s::jsonb,
    %(job_id)s::uuid, %(attempt)s::integer
)
