-- What open dead letters died of, most frequent first.
SELECT fingerprint, min(kind) AS kind, min(code) AS code,
       (array_agg(message ORDER BY died_at DESC))[1] AS message,
       count(*) AS count, min(died_at) AS first_at, max(died_at) AS last_at
FROM dead_letters
WHERE tenant_id = %(tenant_id)s::uuid AND state = 'open'
GROUP BY fingerprint
ORDER BY count DESC, last_at DESC
LIMIT %(limit)s::integer
