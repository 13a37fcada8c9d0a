-- Begin the instance's log of the next epoch; its first leaves are the heads of the trees that were opened with it.
INSERT INTO instance_log AS log (epoch, origin, base, size, tiled, frontier, root, grown_at)
VALUES (%(epoch)s::integer, %(origin)s::text, %(base)s::bigint, %(base)s::bigint, 0, '', %(root)s::bytea, to_timestamp(0))
ON CONFLICT (id) DO UPDATE
SET epoch = excluded.epoch, origin = excluded.origin, base = excluded.base, size = excluded.size, tiled = 0,
    frontier = '', root = excluded.root, grown_at = excluded.grown_at
