-- The snapshot that this transaction sees, and when it began.
SELECT pg_current_snapshot()::text AS id,
       to_char(transaction_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS at
