-- Say of every log there ever was up to which head a revoked key is believed; once, as heads may be taken back later.
INSERT INTO signing_key_logs (tenant_id, keyid, origin, size)
SELECT DISTINCT ON (tenant_id, split_part(note, E'\n', 1))
    tenant_id, %(keyid)s::text, split_part(note, E'\n', 1), split_part(note, E'\n', 2)::bigint
FROM (
    SELECT tenant_id, size, note FROM signed_heads WHERE signed_at <= %(trusted_until)s::timestamptz
    UNION ALL
    SELECT %(instance)s::uuid, size, note FROM instance_heads WHERE signed_at <= %(trusted_until)s::timestamptz
) AS heads
WHERE NOT EXISTS (SELECT FROM signing_key_logs WHERE keyid = %(keyid)s::text)
ORDER BY tenant_id, split_part(note, E'\n', 1), size DESC
ON CONFLICT (tenant_id, keyid, origin) DO NOTHING
