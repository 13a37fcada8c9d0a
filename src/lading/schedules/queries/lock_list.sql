-- Let schedules of a tenant be added one at a time, so that no two are the last that fits.
SELECT pg_advisory_xact_lock(hashtext('lading.schedules'), hashtext(%(tenant_id)s::uuid::text))
