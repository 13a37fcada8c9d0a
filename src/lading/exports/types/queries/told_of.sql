-- Does the tree tell of a subject?
SELECT EXISTS (
    SELECT FROM ledger_entries WHERE tenant_id = %(tenant_id)s::uuid AND subject = %(subject)s::text
) AS found
