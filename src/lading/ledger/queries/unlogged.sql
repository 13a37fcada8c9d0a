-- The heads of tenants that grew since one of theirs was last put into the instance's log.
SELECT tree.tenant_id, tree.size, head.note
FROM ledger_trees AS tree
JOIN signed_heads AS head ON head.tenant_id = tree.tenant_id AND head.size = tree.size
WHERE NOT EXISTS (
    SELECT FROM logged_heads WHERE logged_heads.tenant_id = tree.tenant_id AND logged_heads.size = tree.size
)
ORDER BY tree.tenant_id
LIMIT %(limit)s::integer
