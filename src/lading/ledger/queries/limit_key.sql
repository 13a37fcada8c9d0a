-- Say for each tenant up to which head a revoked key is believed: the last one signed while it was in good hands.
-- The note itself tells origin and size; a tree that began after another counts its own leaves.
INSERT INTO signing_key_sizes (tenant_id, keyid, origin, size, root)
SELECT DISTINCT ON (tenant_id)
    tenant_id, %(keyid)s::text, split_part(note, E'\n', 1), split_part(note, E'\n', 2)::bigint, root
FROM signed_heads
WHERE signed_at <= %(trusted_until)s::timestamptz
ORDER BY tenant_id, size DESC
ON CONFLICT (tenant_id, keyid) DO NOTHING
