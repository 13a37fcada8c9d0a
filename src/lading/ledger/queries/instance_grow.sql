-- Extend the instance's log, or plant it.
INSERT INTO instance_log AS log (origin, size, tiled, frontier, root, grown_at)
VALUES (
    %(origin)s::text, %(size)s::bigint, %(tiled)s::bigint, %(frontier)s::bytea, %(root)s::bytea,
    %(grown_at)s::timestamptz
)
ON CONFLICT (id) DO UPDATE
SET size = excluded.size, tiled = excluded.tiled, frontier = excluded.frontier, root = excluded.root,
    grown_at = excluded.grown_at
WHERE log.size < excluded.size
