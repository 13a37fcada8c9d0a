-- Keep what is left of the instance's log that was taken back.
INSERT INTO instance_epochs (epoch, origin, base, size, tiled, frontier, root, known_size, known_root)
SELECT epoch, origin, base, size, tiled, frontier, root, %(known_size)s::bigint, %(known_root)s::bytea
FROM instance_log
