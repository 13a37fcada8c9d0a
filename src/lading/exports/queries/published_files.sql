-- Where the bytes of published content lie, content by content, for those who check the files.
WITH files AS (
    (
        SELECT digest, size, blob_key
        FROM objects
        WHERE tenant_id = %(tenant_id)s::uuid AND state = 'live' AND digest > %(after)s::bytea
        ORDER BY digest
        LIMIT %(limit)s::integer
    )
    UNION
    (
        SELECT digest, size, blob_key
        FROM artifacts
        WHERE tenant_id = %(tenant_id)s::uuid AND blob_key IS NOT NULL AND digest > %(after)s::bytea
        ORDER BY digest
        FETCH FIRST (%(limit)s::integer) ROWS WITH TIES
    )
)
SELECT digest, max(size) AS size, array_agg(blob_key ORDER BY blob_key) AS blob_keys
FROM files
GROUP BY digest
ORDER BY digest
LIMIT %(limit)s::integer
