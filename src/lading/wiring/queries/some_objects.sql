-- Live objects of any tenant from a digest on, and from the smallest one when those are few.
SELECT digest, size, blob_key
FROM objects
WHERE state = 'live'
ORDER BY digest < %(first)s::bytea, digest
LIMIT %(limit)s::integer
