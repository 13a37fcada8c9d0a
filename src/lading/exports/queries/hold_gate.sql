-- Who places a hold waits for those that are removing something, and they for him.
SELECT pg_advisory_xact_lock(hashtext('lading.holds'), hashtext(%(tenant_id)s::uuid::text))
