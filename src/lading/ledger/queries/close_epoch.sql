-- Keep what is left of a tree that was taken back; one that is not there at all leaves nothing.
INSERT INTO ledger_epochs (tenant_id, epoch, origin, base, size, tiled, frontier, root, known_size, known_root)
SELECT tenant_id, epoch, origin, base, size, tiled, frontier, root, %(known_size)s::bigint, %(known_root)s::bytea
FROM ledger_trees
WHERE tenant_id = %(tenant_id)s::uuid
