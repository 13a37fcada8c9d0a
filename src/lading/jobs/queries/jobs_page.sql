-- One page of jobs, live and finished, newest first; ids are time-ordered, so a page neither skips nor repeats.
-- A job that was requeued is shown as it lives, one that ended more than once by its last end.
WITH live AS (
    SELECT jobs.id, jobs.kind, jobs.host, jobs.subject, jobs.state, jobs.priority, jobs.attempt, jobs.failures,
           jobs.crashes, jobs.max_attempts, jobs.due_at, jobs.error, jobs.created_at, jobs.started_at,
           NULL::timestamptz AS finished_at, jobs.cancel_requested_at
    FROM jobs
    WHERE jobs.tenant_id = %(tenant_id)s::uuid
      AND jobs.id < coalesce(%(before)s::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid)
      AND (%(kind)s::text IS NULL OR jobs.kind = %(kind)s::text)
      AND (%(host)s::text IS NULL OR jobs.host = %(host)s::text)
      AND (%(states)s::text[] IS NULL OR jobs.state = ANY(%(states)s::text[]))
    ORDER BY jobs.id DESC
    LIMIT %(limit)s::integer
),
ended AS (
    SELECT job.id, job.kind, job.host, job.subject, job.state, job.priority, job.attempt, job.failures,
           job.crashes, job.max_attempts, NULL::timestamptz AS due_at, job.error, job.created_at,
           NULL::timestamptz AS started_at, job.finished_at, NULL::timestamptz AS cancel_requested_at
    FROM finished_jobs AS job
    WHERE job.tenant_id = %(tenant_id)s::uuid
      AND job.id < coalesce(%(before)s::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid)
      AND (%(kind)s::text IS NULL OR job.kind = %(kind)s::text)
      AND (%(host)s::text IS NULL OR job.host = %(host)s::text)
      AND (%(states)s::text[] IS NULL OR job.state = ANY(%(states)s::text[]))
      AND NOT EXISTS (SELECT FROM jobs WHERE jobs.tenant_id = job.tenant_id AND jobs.id = job.id)
      AND NOT EXISTS (
          SELECT FROM finished_jobs AS later
          WHERE later.tenant_id = job.tenant_id AND later.id = job.id AND later.finished_at > job.finished_at
      )
    ORDER BY job.id DESC
    LIMIT %(limit)s::integer
),
listed AS (
    SELECT * FROM live
    UNION ALL
    SELECT * FROM ended
)
SELECT listed.*, lanes.waiting_for AS lane_waiting_for, lanes.eligible_at AS lane_eligible_at,
       stop.is_stopped, stop.stopped_until
FROM listed
LEFT JOIN lanes
    ON lanes.tenant_id = %(tenant_id)s::uuid AND lanes.kind = listed.kind AND lanes.host = listed.host
       AND listed.state = 'pending'
LEFT JOIN LATERAL (
    SELECT true AS is_stopped, nullif(max(coalesce(pauses.ends_at, 'infinity')), 'infinity') AS stopped_until
    FROM pauses
    WHERE pauses.tenant_id = %(tenant_id)s::uuid AND pauses.scope = 'job' AND pauses.target = listed.id::text
      AND pauses.starts_at <= lading_now() AND (pauses.ends_at IS NULL OR pauses.ends_at > lading_now())
    HAVING count(*) > 0
) AS stop ON listed.state = 'pending'
ORDER BY listed.id DESC
LIMIT %(limit)s::integer
