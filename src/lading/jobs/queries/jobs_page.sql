-- One page of jobs, live and finished, newest first; ids are time-ordered, so a page neither skips nor repeats.
-- A job that was requeued is shown as it lives, one that ended more than once by its last end.  History is not looked
-- through for states that it never holds.
WITH live AS (
    SELECT jobs.id, jobs.kind, jobs.host, jobs.subject, jobs.state, jobs.priority, jobs.attempt, jobs.failures,
           jobs.crashes, jobs.max_attempts, jobs.due_at, jobs.error, jobs.created_at, jobs.started_at,
           NULL::timestamptz AS finished_at, jobs.cancel_requested_at,
           jobs.run_id, jobs.replay_of, jobs.payload_digest, jobs.deadline_seconds
    FROM jobs
    WHERE jobs.tenant_id = %(tenant_id)s::uuid
      AND jobs.id < coalesce(%(before)s::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid)
      AND (%(kind)s::text IS NULL OR jobs.kind = %(kind)s::text)
      AND (%(host)s::text IS NULL OR jobs.host = %(host)s::text)
      AND (%(subject)s::text IS NULL OR jobs.subject = %(subject)s::text)
      AND (%(run_id)s::uuid IS NULL OR jobs.run_id = %(run_id)s::uuid)
      AND (%(code)s::text IS NULL OR jobs.error ->> 'code' = %(code)s::text)
      AND (%(created_from)s::timestamptz IS NULL OR jobs.created_at >= %(created_from)s::timestamptz)
      AND (%(created_to)s::timestamptz IS NULL OR jobs.created_at < %(created_to)s::timestamptz)
      AND (%(states)s::text[] IS NULL OR jobs.state = ANY(%(states)s::text[]))
      AND (%(quiet_seconds)s::integer IS NULL
           OR (jobs.state = 'running'
               AND greatest(jobs.started_at, jobs.progress_at)
                   <= lading_now() - make_interval(secs => %(quiet_seconds)s::integer)))
      AND (NOT %(is_paused)s::boolean OR EXISTS (
          SELECT FROM pauses
          WHERE pauses.tenant_id = jobs.tenant_id AND pauses.scope = 'job' AND pauses.target = jobs.id::text
            AND (pauses.ends_at IS NULL OR pauses.ends_at > lading_now())
      ))
    ORDER BY jobs.id DESC
    LIMIT %(limit)s::integer
),
ended AS (
    SELECT job.id, job.kind, job.host, job.subject, job.state, job.priority, job.attempt, job.failures,
           job.crashes, job.max_attempts, NULL::timestamptz AS due_at, job.error, job.created_at,
           job.started_at, job.finished_at, NULL::timestamptz AS cancel_requested_at,
           job.run_id, job.replay_of, job.payload_digest, job.deadline_seconds
    FROM finished_jobs AS job
    WHERE job.tenant_id = %(tenant_id)s::uuid
      AND (%(states)s::text[] IS NULL OR %(states)s::text[] && ARRAY['completed', 'dead', 'cancelled'])
      AND NOT %(is_paused)s::boolean
      AND %(quiet_seconds)s::integer IS NULL
      AND job.id < coalesce(%(before)s::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid)
      AND (%(kind)s::text IS NULL OR job.kind = %(kind)s::text)
      AND (%(host)s::text IS NULL OR job.host = %(host)s::text)
      AND (%(subject)s::text IS NULL OR job.subject = %(subject)s::text)
      AND (%(run_id)s::uuid IS NULL OR job.run_id = %(run_id)s::uuid)
      AND (%(code)s::text IS NULL OR job.code = %(code)s::text)
      AND (%(created_from)s::timestamptz IS NULL OR job.created_at >= %(created_from)s::timestamptz)
      AND (%(created_to)s::timestamptz IS NULL OR job.created_at < %(created_to)s::timestamptz)
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
       stop.is_stopped, stop.stopped_until, held.id IS NOT NULL AS awaits_approval
FROM listed
LEFT JOIN exports AS held
    ON held.tenant_id = %(tenant_id)s::uuid AND held.job_id = listed.id AND held.approval = 'pending'
       AND listed.state = 'blocked'
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
