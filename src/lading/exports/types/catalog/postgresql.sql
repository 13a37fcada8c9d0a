-- The columns of a table or view, in order, with their place in its primary key.
SELECT a.attnum::integer AS place, a.attname::text AS name, format_type(a.atttypid, a.atttypmod)::text AS type,
       (NOT a.attnotnull)::integer AS nullable, k.place::integer AS key_place
FROM pg_attribute AS a
LEFT JOIN pg_index AS i ON i.indrelid = a.attrelid AND i.indisprimary
LEFT JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS k (number, place) ON k.number = a.attnum
WHERE a.attrelid = to_regclass(%(quoted)s::text) AND a.attnum > 0 AND NOT a.attisdropped
