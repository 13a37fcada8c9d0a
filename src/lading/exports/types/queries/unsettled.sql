-- Is something of before an instant still on its way into the tree?
SELECT EXISTS (
    SELECT FROM ledger_pending WHERE tenant_id = %(tenant_id)s::uuid AND at < %(until)s::timestamptz
) AS found
