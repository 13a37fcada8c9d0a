-- Keep the time stamp of a head; who was faster keeps theirs.
INSERT INTO instance_time_stamps (size, token, stamped_at)
VALUES (%(size)s::bigint, %(token)s::bytea, %(stamped_at)s::timestamptz)
ON CONFLICT (size) DO NOTHING
