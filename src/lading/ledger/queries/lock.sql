-- Let one integrator work at a time; the lock ends with the transaction, however that ends.
SELECT pg_try_advisory_xact_lock(%(key)s::bigint) AS held
