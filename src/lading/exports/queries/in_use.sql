-- What is done with an export now, beside being kept: who downloads it, where it is carried, what is made from it.
SELECT (
           SELECT count(*)
           FROM handouts
           WHERE tenant_id = %(tenant_id)s::uuid AND export_id = %(export_id)s::uuid AND held_until > lading_now()
       ) AS handouts,
       (
           SELECT array_agg(destination ORDER BY destination)
           FROM deliveries
           WHERE tenant_id = %(tenant_id)s::uuid AND export_id = %(export_id)s::uuid
             AND status IN ('pending', 'running')
       ) AS destinations,
       (
           SELECT array_agg(id ORDER BY id)
           FROM exports
           WHERE tenant_id = %(tenant_id)s::uuid AND status IN ('pending', 'running') AND deleted_at IS NULL
             AND (
                 selector ->> 'base' = %(shown)s::text
                 OR coalesce(selector -> 'exports', '[]') @> to_jsonb(%(shown)s::text)
             )
       ) AS readers
