-- The columns of a table, in order, with their place in its primary key.
SELECT c.column_index AS place, c.column_name AS name, c.data_type AS type, c.is_nullable::integer AS nullable,
       nullif(list_position(k.constraint_column_names, c.column_name), 0)::integer AS key_place
FROM duckdb_columns() AS c
LEFT JOIN duckdb_constraints() AS k
    ON k.database_oid = c.database_oid AND k.table_oid = c.table_oid AND k.constraint_type = 'PRIMARY KEY'
WHERE c.table_name = %(name)s AND c.schema_name = coalesce(nullif(%(schema)s, ''), 'main')
