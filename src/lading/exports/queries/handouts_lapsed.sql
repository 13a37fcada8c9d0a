-- Forget handouts of processes that died, long after they ran out, and those whose end only the bucket saw.
DELETE FROM handouts
WHERE tenant_id = %(tenant_id)s::uuid AND held_until <= lading_now() - make_interval(secs => %(seconds)s::float8)
RETURNING id, export_id, is_away
