-- Delete entries that are below the first place of their ledger, some of them; the trigger lets no other go.
DELETE FROM ledger_entries AS entry
USING (
    SELECT old.tenant_id, old.index
    FROM ledger_trees AS tree
    CROSS JOIN LATERAL (
        SELECT tenant_id, index
        FROM ledger_entries
        WHERE ledger_entries.tenant_id = tree.tenant_id
          AND ledger_entries.index < tree.min_index
        ORDER BY ledger_entries.index
        LIMIT %(limit)s::integer
    ) AS old
    WHERE tree.min_index > 0
    LIMIT %(limit)s::integer
) AS gone
WHERE entry.tenant_id = gone.tenant_id
  AND entry.index = gone.index
