-- Lanes that this very transaction blocked or let go.
SELECT tenant_id, kind, host, waiting_for
FROM lanes
WHERE tenant_id = ANY(%(tenants)s::uuid[]) AND since = lading_now()
