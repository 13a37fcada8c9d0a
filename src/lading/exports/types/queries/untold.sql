-- Is something of these subjects, or of any, still on its way into the tree?
SELECT EXISTS (
    SELECT
    FROM ledger_pending
    WHERE tenant_id = %(tenant_id)s::uuid
      AND at <= %(as_of)s::timestamptz
      AND (cardinality(%(subjects)s::text[]) = 0 OR subject = ANY(%(subjects)s::text[]))
) AS found
