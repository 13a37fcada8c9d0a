-- Whether some job waits that must run alone, now that it was lost in a batch.
SELECT EXISTS (
    SELECT FROM jobs
    WHERE jobs.state = 'pending' AND jobs.is_solo AND jobs.kind = ANY(%(kinds)s::text[])
) AS is_there
