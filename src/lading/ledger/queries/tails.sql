-- The hashes of leaves behind the last full tile, of the trees that fill one now.
SELECT wanted.tenant_id, string_agg(sha256('\x00'::bytea || entry.line), ''::bytea ORDER BY entry.index) AS hashes
FROM unnest(%(tenants)s::uuid[], %(firsts)s::bigint[], %(ends)s::bigint[]) AS wanted (tenant_id, first, beyond)
JOIN ledger_entries AS entry
    ON entry.tenant_id = wanted.tenant_id AND entry.index >= wanted.first AND entry.index < wanted.beyond
GROUP BY wanted.tenant_id
