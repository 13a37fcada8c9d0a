-- Files of any tenant that were published before there was a registry of them, from a digest on; and how many there are.
SELECT digest, size, blob_key, count(*) OVER () AS total
FROM artifacts
WHERE object_state IS NULL
ORDER BY digest < %(first)s::bytea, digest
LIMIT %(limit)s::integer
