-- Whether the current login may make the example's database and its readers.
SELECT rolsuper OR (rolcreatedb AND rolcreaterole) AS is_allowed
FROM pg_roles
WHERE rolname = current_user
