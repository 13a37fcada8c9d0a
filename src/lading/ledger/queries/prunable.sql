-- Tenants whose ledger begins with entries that are older than they have to be kept; those with a hold keep all.
SELECT tree.tenant_id
FROM ledger_trees AS tree
JOIN ledger_entries AS oldest ON oldest.tenant_id = tree.tenant_id AND oldest.index = tree.min_index
WHERE tree.epoch = 1
  AND tree.tiled > tree.min_index
  AND oldest.at < lading_now() - make_interval(days => %(days)s::integer)
  AND NOT EXISTS (SELECT FROM holds WHERE holds.tenant_id = tree.tenant_id AND holds.lifted_at IS NULL)
ORDER BY tree.tenant_id
