-- Trees whose size no head is signed for: a signer elsewhere was not asked yet, or did not answer.
SELECT tree.tenant_id, tree.origin, tree.size, tree.base, tree.root
FROM ledger_trees AS tree
WHERE NOT EXISTS (
    SELECT FROM signed_heads WHERE signed_heads.tenant_id = tree.tenant_id AND signed_heads.size = tree.size
)
ORDER BY tree.tenant_id
LIMIT %(limit)s::integer
