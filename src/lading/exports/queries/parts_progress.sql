-- Show how many parts are done, and the rows in them; the percentage of querying is shared among parts evenly.
UPDATE exports
SET progress = jsonb_build_object(
        'percent', greatest(
            coalesce((exports.progress ->> 'percent')::float, 0), round((%(share)s::float * done.parts / done.of)::numeric, 1)
        ),
        'rows', greatest(coalesce((exports.progress ->> 'rows')::bigint, 0), done.rows),
        'parts', done.of,
        'parts_done', done.parts
    ),
    version = exports.version + 1
FROM (
    SELECT count(*) AS of, count(result) AS parts, coalesce(sum((result #>> '{mapped,read}')::bigint), 0) AS rows
    FROM export_parts
    WHERE tenant_id = %(tenant_id)s::uuid AND export_id = %(export_id)s::uuid
) AS done
WHERE exports.tenant_id = %(tenant_id)s::uuid
  AND exports.id = %(export_id)s::uuid
  AND exports.status = 'running'
  AND exports.stage = 'querying'
  AND done.of > 0
