-- Remember which revision became the active one, or that none is, and by whom.
INSERT INTO policy_activations (tenant_id, name, version, revision, is_rollback, activated_by, reason, ticket)
VALUES (
    %(tenant_id)s::uuid, %(name)s::text, %(version)s::bigint, %(revision)s::integer, %(is_rollback)s::boolean,
    %(activated_by)s::text, %(reason)s::text, %(ticket)s::text
)
