-- Take a webhook to move its place on; another process that does so already is left alone.
SELECT webhooks.place, webhooks.topics, webhooks.types, coalesce(ledger_trees.size, 0) AS size,
    (
        SELECT count(*)
        FROM webhook_messages
        WHERE webhook_messages.tenant_id = webhooks.tenant_id
          AND webhook_messages.webhook_id = webhooks.id
          AND webhook_messages.state = 'pending'
    ) AS pending
FROM webhooks
LEFT JOIN ledger_trees USING (tenant_id)
WHERE webhooks.tenant_id = %(tenant_id)s::uuid
  AND webhooks.id = %(id)s::uuid
  AND webhooks.is_enabled
FOR UPDATE OF webhooks SKIP LOCKED
