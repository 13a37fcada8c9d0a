-- The open letters by kind, source, code and age, most first; ages in their own order.
WITH counted AS (
    SELECT CASE
               WHEN GROUPING(letter.kind) = 0 THEN 'kind'
               WHEN GROUPING(letter.host) = 0 THEN 'source'
               WHEN GROUPING(letter.code) = 0 THEN 'code'
               ELSE 'age'
           END AS by,
           coalesce(letter.kind, letter.host, letter.code, letter.age) AS value,
           count(*) AS count, min(letter.rank) AS rank
    FROM (
        SELECT kind, host, code,
               CASE
                   WHEN died_at > lading_now() - interval '1 hour' THEN 'under 1 hour'
                   WHEN died_at > lading_now() - interval '1 day' THEN 'under 1 day'
                   WHEN died_at > lading_now() - interval '7 days' THEN 'under 7 days'
                   ELSE '7 days or more'
               END AS age,
               CASE
                   WHEN died_at > lading_now() - interval '1 hour' THEN 0
                   WHEN died_at > lading_now() - interval '1 day' THEN 1
                   WHEN died_at > lading_now() - interval '7 days' THEN 2
                   ELSE 3
               END AS rank
        FROM dead_letters
        WHERE tenant_id = %(tenant_id)s::uuid AND state = 'open'
    ) AS letter
    GROUP BY GROUPING SETS ((letter.kind), (letter.host), (letter.code), (letter.age))
),
ranked AS (
    SELECT counted.*,
           row_number() OVER (
               PARTITION BY by ORDER BY CASE WHEN by = 'age' THEN rank END, count DESC, value
           ) AS place
    FROM counted
)
SELECT by, value, count
FROM ranked
WHERE place <= %(limit)s::integer
ORDER BY by, place
