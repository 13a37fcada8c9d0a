-- A new run; the id is made by the caller.
INSERT INTO runs (tenant_id, id, name, on_failure, replay_of, requested_by, nodes)
VALUES (
    %(tenant_id)s::uuid, %(id)s::uuid, %(name)s::text, %(on_failure)s::text, %(replay_of)s::uuid,
    %(requested_by)s::text, %(nodes)s::integer
)
RETURNING *
