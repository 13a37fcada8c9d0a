-- The newest signed head of one of a tenant's trees; that of a tree from before a restore says how far it was kept.
SELECT heads.size, heads.root, heads.note, heads.signed_at
FROM (
    SELECT base, size FROM ledger_trees WHERE tenant_id = %(tenant_id)s::uuid AND epoch = %(epoch)s::integer
    UNION ALL
    SELECT base, size FROM ledger_epochs WHERE tenant_id = %(tenant_id)s::uuid AND epoch = %(epoch)s::integer
) AS tree
JOIN signed_heads AS heads
    ON heads.tenant_id = %(tenant_id)s::uuid AND heads.size > tree.base AND heads.size <= tree.size
ORDER BY heads.size DESC
LIMIT 1
