-- The spans in which revisions of a policy were active, newest first.
SELECT revision, is_rollback, activated_at, activated_by, reason, ticket,
    lead(activated_at) OVER (ORDER BY version) AS until
FROM policy_activations
WHERE tenant_id = %(tenant_id)s::uuid AND name = %(name)s::text
ORDER BY version DESC
LIMIT %(limit)s::integer
