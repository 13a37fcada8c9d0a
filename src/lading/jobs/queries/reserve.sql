-- While a tenant has a reserved share, claims follow one another: what is free for all is decided by one at a time.
SELECT pg_advisory_xact_lock(hashtext('lading.reserved'))
