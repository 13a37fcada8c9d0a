-- What a schedule says from now on, and who says it.
UPDATE schedules
SET cron = %(cron)s::text, zone = %(zone)s::text, kind = %(kind)s::text, payload = %(payload)s::jsonb,
    period = %(period)s::text, source = %(source)s::text, priority = %(priority)s::integer,
    max_attempts = %(max_attempts)s::integer, deadline_seconds = %(deadline_seconds)s::integer,
    catch_up = %(catch_up)s::text, overlap = %(overlap)s::text, starts_at = %(starts_at)s::timestamptz,
    ends_at = %(ends_at)s::timestamptz, owner_kind = %(owner_kind)s::text, owner_id = %(owner_id)s::text,
    owner = %(owner)s::uuid, owner_role = %(owner_role)s::text, next_at = %(next_at)s::timestamptz,
    decided_to = %(decided_to)s::timestamptz, tzdata = %(tzdata)s::text, version = version + 1,
    updated_at = lading_now()
WHERE tenant_id = %(tenant_id)s::uuid AND id = %(id)s::uuid
RETURNING version
