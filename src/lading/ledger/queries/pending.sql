-- The next batch: every visible outbox row by id, never from a cursor on (a late commit has a low id).
SELECT id, tenant_id, line
FROM ledger_pending
WHERE tenant_id <> ALL(%(without)s::uuid[])
ORDER BY id
LIMIT %(limit)s::integer
