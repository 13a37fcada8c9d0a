-- One page of webhooks whose tenant's ledger has grown beyond their place.
SELECT webhooks.tenant_id, webhooks.id
FROM webhooks
JOIN ledger_trees USING (tenant_id)
WHERE webhooks.is_enabled
  AND webhooks.place < ledger_trees.size
  AND (webhooks.tenant_id, webhooks.id) > (%(tenant_id)s::uuid, %(id)s::uuid)
ORDER BY webhooks.tenant_id, webhooks.id
LIMIT %(limit)s::integer
