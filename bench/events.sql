-- A long, narrow source: one event a row, made by the server itself.
-- Run by psql with -v rows=N; the same N gives the same rows.

DROP TABLE IF EXISTS events;

CREATE TABLE events (
    id bigint PRIMARY KEY,
    happened_at timestamptz NOT NULL,
    kind text NOT NULL,
    actor integer NOT NULL,
    amount numeric(10, 2) NOT NULL
);
INSERT INTO events
SELECT
    n,
    TIMESTAMPTZ '2025-01-01 00:00Z' + (n * 7919 % 31536000) * INTERVAL '1 second',
    (ARRAY['login', 'logout', 'download', 'upload', 'payment', 'refund', 'invite'])[(1 + n % 7)::integer],
    (n * 31 % 200000)::integer,
    (n * 17 % 1000000) / 100.0
FROM generate_series(1::bigint, :rows) AS n;

VACUUM ANALYZE events;
