-- Publish the signed head of a tree; who was faster has published the same.
INSERT INTO signed_heads (tenant_id, size, root, note, signed_at)
VALUES (%(tenant_id)s::uuid, %(size)s::bigint, %(root)s::bytea, %(note)s::text, %(signed_at)s::timestamptz)
ON CONFLICT (tenant_id, size) DO NOTHING
