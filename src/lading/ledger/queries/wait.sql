-- Keep integrators away until the transaction ends.
SELECT pg_advisory_xact_lock(%(key)s::bigint) IS NOT NULL AS is_held
