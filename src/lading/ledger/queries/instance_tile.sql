-- Keep tiles of the instance's log that are full.
INSERT INTO instance_tiles (epoch, level, n, root, hashes)
SELECT *
FROM unnest(
    %(epochs)s::integer[], %(levels)s::smallint[], %(numbers)s::bigint[], %(roots)s::bytea[], %(hashes)s::bytea[]
)
