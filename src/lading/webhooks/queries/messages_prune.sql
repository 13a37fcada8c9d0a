-- Forget what was told, or could not be, too long ago; a part at a time, and nothing that is on its way once more.
DELETE FROM webhook_messages
WHERE (tenant_id, id) IN (
    SELECT tenant_id, id
    FROM webhook_messages
    WHERE ended_at < lading_now() - make_interval(days => %(days)s::integer)
    ORDER BY ended_at
    LIMIT %(limit)s::integer
)
AND state <> 'pending'
