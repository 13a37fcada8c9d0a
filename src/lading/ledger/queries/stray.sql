-- Rows that belong to no tree of a tenant: what was put in, or is left of a tree that was cut.
WITH spans AS (
    SELECT base, size AS beyond, epoch
    FROM ledger_epochs
    WHERE tenant_id = %(tenant_id)s::uuid
    UNION ALL
    SELECT base, size AS beyond, epoch
    FROM ledger_trees
    WHERE tenant_id = %(tenant_id)s::uuid
)
SELECT
    (
        SELECT count(*)
        FROM ledger_entries AS entry
        WHERE entry.tenant_id = %(tenant_id)s::uuid
          AND NOT EXISTS (SELECT FROM spans WHERE entry.index >= spans.base AND entry.index < spans.beyond)
    ) AS entries,
    (
        SELECT count(*)
        FROM signed_heads AS head
        WHERE head.tenant_id = %(tenant_id)s::uuid
          AND NOT EXISTS (SELECT FROM spans WHERE head.size > spans.base AND head.size <= spans.beyond)
    ) AS heads,
    (
        SELECT count(*)
        FROM ledger_tiles AS tile
        WHERE tile.tenant_id = %(tenant_id)s::uuid
          AND NOT EXISTS (
              SELECT
              FROM spans
              WHERE spans.epoch = tile.epoch
                AND (tile.n + 1) * (256::numeric ^ (tile.level + 1)) <= spans.beyond - spans.base
          )
    ) AS tiles,
    (
        SELECT count(*)
        FROM logged_heads AS logged
        WHERE logged.tenant_id = %(tenant_id)s::uuid
          AND NOT EXISTS (
              SELECT
              FROM signed_heads AS head
              JOIN instance_leaves AS leaf ON leaf.index = logged.index
              WHERE head.tenant_id = logged.tenant_id
                AND head.size = logged.size
          )
    ) AS logged
