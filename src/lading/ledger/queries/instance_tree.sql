-- The instance's log as it grows now.
SELECT epoch, origin, base, size - base AS leaves
FROM instance_log
