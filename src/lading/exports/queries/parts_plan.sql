-- Where the parts of an export begin and end; decided once, whoever else decides it at the same time.
INSERT INTO export_parts (tenant_id, export_id, number, low, high)
SELECT
    %(tenant_id)s::uuid, %(export_id)s::uuid, (part ->> 'number')::integer,
    CASE WHEN part -> 'low' <> 'null' THEN ARRAY(SELECT jsonb_array_elements_text(part -> 'low')) END,
    CASE WHEN part -> 'high' <> 'null' THEN ARRAY(SELECT jsonb_array_elements_text(part -> 'high')) END
FROM jsonb_array_elements(%(parts)s::jsonb) AS part
ON CONFLICT DO NOTHING
