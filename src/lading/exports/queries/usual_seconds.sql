-- How long the latest exports of a profile and format took, as a median: what to tell somebody who asks for another.
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM recent.ended_at - recent.created_at)) AS seconds
FROM (
    SELECT created_at, ended_at
    FROM exports
    WHERE tenant_id = %(tenant_id)s::uuid
      AND profile = %(profile)s::text
      AND format = %(format)s::text
      AND status = 'completed'
      AND retry_count = 0
      AND deleted_at IS NULL
    ORDER BY id DESC
    LIMIT 20
) AS recent
