-- Drop whole months that ended longer ago than the history is kept.
SELECT partition, jobs
FROM drop_history_before(lading_now() - make_interval(days => %(days)s::integer))
