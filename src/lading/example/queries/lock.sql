-- One loader at a time on this server.
SELECT pg_advisory_lock(hashtextextended('lading example ' || %(name)s::text, 0))
