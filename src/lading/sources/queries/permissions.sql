-- What the reader could change if it tried: a read-only source login has nothing here.
SELECT
    current_user::text AS login,
    r.rolsuper AS is_superuser,
    EXISTS (
        SELECT
        FROM pg_class AS c
        JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
            AND has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE')
    ) AS may_write
FROM pg_roles AS r
WHERE r.rolname = current_user
