-- Slices of the tiles of the instance's log: of level 0 from a full tile, or from the leaves behind the last; else roots.
SELECT
    CASE
        WHEN wanted.level > 0 THEN (
            SELECT string_agg(root, ''::bytea ORDER BY n)
            FROM instance_tiles
            WHERE epoch = %(epoch)s::integer
              AND level = wanted.level - 1
              AND n >= wanted.first
              AND n < wanted.first + wanted.count
        )
        ELSE coalesce(
            (
                SELECT substring(hashes FROM (wanted.first %% 256)::integer * 32 + 1 FOR wanted.count * 32)
                FROM instance_tiles
                WHERE epoch = %(epoch)s::integer
                  AND level = 0
                  AND n = wanted.first / 256
            ),
            (
                SELECT string_agg(hash, ''::bytea ORDER BY index)
                FROM instance_leaves
                WHERE index >= %(base)s::bigint + wanted.first
                  AND index < %(base)s::bigint + wanted.first + wanted.count
            )
        )
    END AS hashes
FROM ROWS FROM (
    unnest(%(levels)s::integer[]), unnest(%(firsts)s::bigint[]), unnest(%(counts)s::integer[])
) WITH ORDINALITY AS wanted (level, first, count, place)
ORDER BY wanted.place
