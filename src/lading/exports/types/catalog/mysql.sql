-- The columns of a table or view, in order, with their place in its primary key.
SELECT c.ordinal_position AS place, c.column_name AS name, CAST(c.column_type AS char(200)) AS type,
       CASE c.is_nullable WHEN 'YES' THEN 1 ELSE 0 END AS nullable, k.ordinal_position AS key_place
FROM information_schema.columns AS c
LEFT JOIN information_schema.key_column_usage AS k
    ON k.table_schema = c.table_schema AND k.table_name = c.table_name AND k.column_name = c.column_name
    AND k.constraint_name = 'PRIMARY'
WHERE c.table_name = %(name)s AND c.table_schema = coalesce(nullif(%(schema)s, ''), database())
