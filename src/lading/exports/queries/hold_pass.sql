-- Until the end of the transaction nobody places a hold; any number may remove things side by side.
SELECT pg_advisory_xact_lock_shared(hashtext('lading.holds'), hashtext(%(tenant_id)s::uuid::text))
