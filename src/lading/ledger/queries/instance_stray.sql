-- Rows that belong to no tree of the instance's log.
WITH spans AS (
    SELECT base, size AS beyond, epoch
    FROM instance_epochs
    UNION ALL
    SELECT base, size AS beyond, epoch
    FROM instance_log
)
SELECT (
    SELECT count(*)
    FROM instance_leaves AS leaf
    WHERE NOT EXISTS (SELECT FROM spans WHERE leaf.index >= spans.base AND leaf.index < spans.beyond)
) + (
    SELECT count(*)
    FROM instance_heads AS head
    WHERE NOT EXISTS (SELECT FROM spans WHERE head.size > spans.base AND head.size <= spans.beyond)
) + (
    SELECT count(*)
    FROM instance_tiles AS tile
    WHERE NOT EXISTS (
        SELECT
        FROM spans
        WHERE spans.epoch = tile.epoch
          AND (tile.n + 1) * (256::numeric ^ (tile.level + 1)) <= spans.beyond - spans.base
    )
) + (
    SELECT count(*)
    FROM spans
    WHERE spans.beyond > spans.base
      AND NOT EXISTS (SELECT FROM instance_heads AS head WHERE head.size = spans.beyond)
) AS rows
