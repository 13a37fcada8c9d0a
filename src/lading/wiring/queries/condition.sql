-- The clock of the database, and how many more connections it takes: what a start and `doctor` look at.
SELECT
    clock_timestamp() AS clock,
    (
        current_setting('max_connections')::integer - current_setting('superuser_reserved_connections')::integer
        - (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend')
    )::integer AS connections_left
