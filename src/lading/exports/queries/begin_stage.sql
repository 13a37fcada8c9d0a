-- A stage is persisted before it begins.
UPDATE exports
SET stage = %(stage)s::text, progress = jsonb_strip_nulls(jsonb_build_object('parts', progress -> 'parts', 'parts_done', progress -> 'parts_done'))
        || %(progress)s::jsonb, rev = rev + 1, version = version + 1
WHERE tenant_id = %(tenant_id)s::uuid AND id = %(id)s::uuid AND status = 'running'
RETURNING rev
