-- Publish the signed heads of the trees that grew.
INSERT INTO signed_heads (tenant_id, size, root, note, signed_at)
SELECT given.tenant_id, given.size, given.root, given.note, %(signed_at)s::timestamptz
FROM unnest(%(tenants)s::uuid[], %(sizes)s::bigint[], %(roots)s::bytea[], %(notes)s::text[])
    AS given (tenant_id, size, root, note)
