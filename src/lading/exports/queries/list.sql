-- One page of exports, newest first; the id is time-ordered and unique, so a page neither skips nor repeats.
-- The page first, by the primary key: what belongs to its rows is looked up for them alone.
WITH page AS MATERIALIZED (
    SELECT *
    FROM exports
    WHERE exports.tenant_id = %(tenant_id)s::uuid
      AND exports.deleted_at IS NULL
      AND (%(after_id)s::uuid IS NULL OR exports.id < %(after_id)s::uuid)
      AND (cardinality(%(status)s::text[]) = 0 OR exports.status = ANY(%(status)s::text[]))
      AND (%(profile)s::text IS NULL OR exports.profile = %(profile)s::text)
      AND (%(type)s::text IS NULL OR exports.type = %(type)s::text)
      AND (%(format)s::text IS NULL OR exports.format = %(format)s::text)
      AND (%(period_from)s::date IS NULL OR exports.period_to >= %(period_from)s::date)
      AND (%(period_to)s::date IS NULL OR exports.period_from <= %(period_to)s::date)
      AND (NOT %(awaits_approval)s::boolean OR (exports.approval = 'pending' AND exports.status = 'pending'))
      AND (%(schedule_id)s::uuid IS NULL OR exports.schedule_id = %(schedule_id)s::uuid)
      AND (%(requested_by)s::text IS NULL OR exports.requested_by = %(requested_by)s::text)
      AND (%(created_from)s::timestamptz IS NULL OR exports.created_at >= %(created_from)s::timestamptz)
      AND (%(created_to)s::timestamptz IS NULL OR exports.created_at < %(created_to)s::timestamptz)
      AND (
          %(destination)s::text IS NULL
          OR %(destination)s::text = ANY(exports.destinations)
          OR EXISTS (
              SELECT FROM deliveries
              WHERE deliveries.tenant_id = exports.tenant_id AND deliveries.export_id = exports.id
                AND deliveries.destination = %(destination)s::text
          )
      )
      AND (
          %(held)s::boolean IS NULL
          OR %(held)s::boolean = EXISTS (
              SELECT FROM held WHERE held.tenant_id = exports.tenant_id AND held.export_id = exports.id
          )
      )
      AND (
          %(text)s::text IS NULL
          OR exports.id = %(export_id)s::uuid
          OR strpos(
              lower(concat_ws(
                  ' ', exports.profile, exports.type, exports.format, array_to_string(exports.destinations, ' '),
                  exports.parameters::text, exports.error ->> 'code', exports.error ->> 'message'
              )),
              lower(%(text)s::text)
          ) > 0
      )
    ORDER BY exports.id DESC
    LIMIT %(limit)s::integer
)
SELECT page.*, tenants.slug AS tenant_slug, tenants.name AS tenant_name,
       coalesce(live.state, ended.state) AS job_state,
       coalesce(live.attempt, ended.attempt, 0) AS job_attempt,
       coalesce(live.failures, ended.failures, 0) AS job_failures,
       live.due_at AS job_due_at, live.error AS job_error,
       lanes.waiting_for AS lane_waiting_for, lanes.eligible_at AS lane_eligible_at
FROM page
JOIN tenants USING (tenant_id)
LEFT JOIN jobs AS live ON live.tenant_id = page.tenant_id AND live.id = page.job_id
LEFT JOIN lanes ON lanes.tenant_id = live.tenant_id AND lanes.kind = live.kind AND lanes.host = live.host
LEFT JOIN LATERAL (
    SELECT state, attempt, failures
    FROM finished_jobs
    WHERE finished_jobs.tenant_id = page.tenant_id AND finished_jobs.id = page.job_id
    ORDER BY finished_at DESC
    LIMIT 1
) AS ended ON true
ORDER BY page.id DESC
