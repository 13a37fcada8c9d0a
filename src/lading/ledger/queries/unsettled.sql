-- Is something of that time still on its way into the tree?
SELECT EXISTS (
    SELECT FROM ledger_pending WHERE tenant_id = %(tenant_id)s::uuid AND at < %(end)s::timestamptz
) AS found
