-- The columns of a table or view that SELECT * gives, in order, with their place in its primary key.
SELECT cid + 1 AS place, name, type, 1 - "notnull" AS nullable, nullif(pk, 0) AS key_place
FROM pragma_table_xinfo(%(name)s, coalesce(nullif(%(schema)s, ''), 'main'))
WHERE hidden <> 1
