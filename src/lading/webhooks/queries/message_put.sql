-- Write down an event that is on its way to a webhook; its job is put in the queue beside it.
INSERT INTO webhook_messages (tenant_id, id, webhook_id, event_id, type, subject, job_id, created_at)
VALUES (
    %(tenant_id)s::uuid, %(id)s::uuid, %(webhook_id)s::uuid, %(event_id)s::bigint, %(type)s::text, %(subject)s::text,
    %(job_id)s::uuid, %(now)s::timestamptz
)
