-- The mark of a whole load, in the same transaction as its rows.
INSERT INTO generation (seed, rows, version)
VALUES (%(seed)s::bigint, %(rows)s::bigint, %(version)s::integer)
