-- One at a time takes admins away from a tenant: two that do it at once would each believe in the other.
SELECT pg_advisory_xact_lock(hashtext('lading.admins'), hashtext(%(tenant_id)s::uuid::text))
