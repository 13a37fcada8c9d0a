-- The objects of some digests, whatever their state.
SELECT digest, size, blob_key, state, created_at, tombstoned_at
FROM objects
WHERE tenant_id = %(tenant_id)s::uuid AND digest = ANY(%(digests)s::bytea[])
