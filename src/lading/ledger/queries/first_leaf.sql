-- Put the entry that opens an epoch at its place, past the outbox: nothing may come before it.
INSERT INTO ledger_entries (tenant_id, index, subject, type, at, line)
VALUES (
    %(tenant_id)s::uuid, %(index)s::bigint, 'ledger:tree', %(type)s::text, %(at)s::timestamptz, %(line)s::bytea
)
