-- Publish the signed head of the instance's log; who was faster has published the same.
INSERT INTO instance_heads (size, root, note, signed_at)
VALUES (%(size)s::bigint, %(root)s::bytea, %(note)s::text, %(signed_at)s::timestamptz)
ON CONFLICT (size) DO NOTHING
