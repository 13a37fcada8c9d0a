-- The first place of a ledger that is needed: by its age, by an export, by a webhook; none where a hold keeps all.
WITH since AS (
    SELECT least(
        lading_now() - make_interval(days => %(days)s::integer),
        (
            SELECT min(exports.created_at)
            FROM exports
            WHERE exports.tenant_id = %(tenant_id)s::uuid
              AND exports.status IN ('pending', 'running', 'completed')
        )
    ) AS at
)
SELECT tree.min_index,
    least(
        tree.tiled,
        (
            SELECT min(entry.index)
            FROM ledger_entries AS entry
            WHERE entry.tenant_id = tree.tenant_id
              AND entry.at >= (SELECT since.at FROM since)
        ),
        (SELECT min(webhooks.place) FROM webhooks WHERE webhooks.tenant_id = tree.tenant_id AND webhooks.is_enabled)
    ) AS needed
FROM ledger_trees AS tree
WHERE tree.tenant_id = %(tenant_id)s::uuid
  AND tree.epoch = 1
  AND NOT EXISTS (SELECT FROM holds WHERE holds.tenant_id = tree.tenant_id AND holds.lifted_at IS NULL)
