-- One process at a time compares the settings with those that were last told; the lock ends with the transaction.
SELECT pg_advisory_xact_lock(%(key)s::bigint)
