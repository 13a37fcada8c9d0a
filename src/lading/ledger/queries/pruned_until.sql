-- The instant of the first entry that is kept, where older ones were removed.
SELECT entry.at
FROM ledger_trees AS tree
JOIN ledger_entries AS entry ON entry.tenant_id = tree.tenant_id AND entry.index = tree.min_index
WHERE tree.tenant_id = %(tenant_id)s::uuid
  AND tree.min_index > 0
