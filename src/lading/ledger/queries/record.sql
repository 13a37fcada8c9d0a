-- Put entries in the outbox in the order given: the identity grows along it, and the integrator keeps that order.
INSERT INTO ledger_pending (tenant_id, subject, type, at, line)
SELECT %(tenant_id)s::uuid, given.subject, given.type, %(at)s::timestamptz, given.line
FROM unnest(%(subjects)s::text[], %(types)s::text[], %(lines)s::bytea[])
    WITH ORDINALITY AS given (subject, type, line, place)
ORDER BY given.place
