-- What the types of described columns are called, for the record of rewritten columns.
SELECT t.oid::bigint AS oid, format_type(t.oid, NULL) AS name
FROM pg_type AS t
WHERE t.oid = ANY (%(oids)s::oid[])
