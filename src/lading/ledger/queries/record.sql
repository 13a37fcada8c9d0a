-- Put entries in the outbox in the order given: the identity grows along it, and the integrator keeps that order.
-- The lines come as one text; none has a line break in it, being canonical JSON.
INSERT INTO ledger_pending (tenant_id, subject, type, at, line)
SELECT given.tenant_id, given.subject, given.type, %(at)s::timestamptz, convert_to(given.line, 'UTF8')
FROM ROWS FROM (
    unnest(%(tenants)s::uuid[]), unnest(%(subjects)s::text[]), unnest(%(types)s::text[]),
    string_to_table(%(lines)s::text, E'\n')
) WITH ORDINALITY AS given (tenant_id, subject, type, line, place)
ORDER BY given.place
