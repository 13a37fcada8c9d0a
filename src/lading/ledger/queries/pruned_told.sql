-- Does an entry tell that the ledger was pruned up to this place?
SELECT EXISTS (
    SELECT
    FROM (
        SELECT line FROM ledger_entries WHERE tenant_id = %(tenant_id)s::uuid AND type = 'ledger.pruned'
        UNION ALL
        SELECT line FROM ledger_pending WHERE tenant_id = %(tenant_id)s::uuid AND type = 'ledger.pruned'
    ) AS told
    WHERE (convert_from(told.line, 'UTF8')::jsonb #>> '{data,to}')::bigint = %(end)s::bigint
) AS is_told
