-- Say below which place entries may be gone.
UPDATE ledger_trees
SET min_index = %(min_index)s::bigint
WHERE tenant_id = %(tenant_id)s::uuid
  AND min_index < %(min_index)s::bigint
