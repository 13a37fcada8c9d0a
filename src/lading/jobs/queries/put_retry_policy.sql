-- Set the retry policy of a class; no row when the tenant has too many.
INSERT INTO retry_policies (tenant_id, kind, class, max_attempts, base_seconds, cap_seconds, reason, ticket)
SELECT %(tenant_id)s::uuid, %(kind)s::text, %(fault_class)s::text, %(max_attempts)s::integer,
       %(base_seconds)s::float8, %(cap_seconds)s::float8, %(reason)s::text, %(ticket)s::text
WHERE (SELECT count(*) FROM retry_policies
       WHERE tenant_id = %(tenant_id)s::uuid
         AND (kind, class) <> (%(kind)s::text, %(fault_class)s::text)) < %(limit)s::integer
ON CONFLICT (tenant_id, kind, class) DO UPDATE
SET max_attempts = excluded.max_attempts,
    base_seconds = excluded.base_seconds,
    cap_seconds = excluded.cap_seconds,
    reason = excluded.reason,
    ticket = excluded.ticket,
    version = retry_policies.version + 1
RETURNING kind, class, max_attempts, base_seconds, cap_seconds, reason, ticket
