-- The latest lines about one subject, newest first; one statement, so that an entry just moving from outbox to tree is
-- seen exactly once.
SELECT line
FROM (
    SELECT 0 AS part, index AS place, line
    FROM ledger_entries
    WHERE tenant_id = %(tenant_id)s::uuid
      AND subject = %(subject)s::text
    UNION ALL
    SELECT 1 AS part, id AS place, line
    FROM ledger_pending
    WHERE tenant_id = %(tenant_id)s::uuid
      AND subject = %(subject)s::text
) AS told
ORDER BY part DESC, place DESC
LIMIT %(limit)s::integer
