-- Keep tiles that are full; two who make the same one would have met at a tree or a lock before.
INSERT INTO ledger_tiles (tenant_id, epoch, level, n, root, hashes)
SELECT *
FROM unnest(
    %(tenants)s::uuid[], %(epochs)s::integer[], %(levels)s::smallint[], %(numbers)s::bigint[], %(roots)s::bytea[],
    %(hashes)s::bytea[]
)
