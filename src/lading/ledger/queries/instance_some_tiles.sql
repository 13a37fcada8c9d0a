-- Tiles of the instance's log by level and number.
SELECT tile.level, tile.n, tile.root, tile.hashes
FROM unnest(%(levels)s::integer[], %(numbers)s::bigint[]) AS wanted (level, n)
JOIN instance_tiles AS tile
    ON tile.epoch = %(epoch)s::integer AND tile.level = wanted.level AND tile.n = wanted.n
