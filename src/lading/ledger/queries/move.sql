-- Move rows from the outbox to their places in the trees; the lines never leave the database.
WITH placed AS (
    SELECT given.id, given.index
    FROM unnest(%(ids)s::bigint[], %(indexes)s::bigint[]) AS given (id, index)
),
taken AS (
    DELETE FROM ledger_pending
    USING placed
    WHERE ledger_pending.id = placed.id
    RETURNING ledger_pending.tenant_id, placed.index, ledger_pending.subject, ledger_pending.type,
        ledger_pending.at, ledger_pending.line
)
INSERT INTO ledger_entries (tenant_id, index, subject, type, at, line)
SELECT tenant_id, index, subject, type, at, line
FROM taken
