-- Be the next to change a run: who ends its jobs and comes later (run_release.sql) waits.  Without it those who share the
-- row's lock pass it on to each other for as long as the run goes on, and who stops it waits for all of them.  One lock is
-- for many runs, because a batch may end jobs of a thousand, and locks are few.
SELECT pg_advisory_xact_lock(hashtext('lading.runs'), hashtext(%(id)s::uuid::text) & 63)
