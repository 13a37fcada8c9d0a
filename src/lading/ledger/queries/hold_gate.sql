-- Wait for who places or lifts a hold of the tenant, and let them wait until the transaction ends.
SELECT pg_advisory_xact_lock(hashtext('lading.holds'), hashtext(%(tenant_id)s::uuid::text)) IS NOT NULL AS is_held
