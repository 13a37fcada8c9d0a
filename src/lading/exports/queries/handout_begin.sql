-- A file is handed out: its export is not removed while `held_until` is in the future.
-- FOR SHARE: whoever is just removing it is waited for, and then there is nothing to hand out.  Nor is there when its
-- time is over: what began before goes on and keeps it, but one download after the other must not keep it for ever.
WITH kept AS (
    SELECT tenant_id, id
    FROM exports
    WHERE tenant_id = %(tenant_id)s::uuid AND id = %(export_id)s::uuid AND status = 'completed' AND deleted_at IS NULL
      AND (
          expires_at IS NULL
          OR expires_at > lading_now()
          OR EXISTS (SELECT FROM held WHERE held.tenant_id = exports.tenant_id AND held.export_id = exports.id)
      )
    FOR SHARE
)
INSERT INTO handouts (tenant_id, id, export_id, held_until, is_away)
SELECT tenant_id, %(id)s::uuid, id, lading_now() + make_interval(secs => %(seconds)s::float8), %(is_away)s::boolean
FROM kept
RETURNING id
