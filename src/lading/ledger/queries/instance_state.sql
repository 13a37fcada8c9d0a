-- The instance's log as it stands, for who appends to it.
SELECT epoch, origin, base, size, tiled, frontier, root, grown_at
FROM instance_log
FOR UPDATE
