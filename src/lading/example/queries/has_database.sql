-- Whether the example database was made before.
SELECT EXISTS (SELECT FROM pg_database WHERE datname = %(name)s::text) AS is_there
