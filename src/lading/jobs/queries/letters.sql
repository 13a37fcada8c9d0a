-- One page of dead letters; job ids are time-ordered and unique, so a page neither skips nor repeats.
SELECT job_id, kind, host, subject, code, message, fingerprint, attempt, died_at, deaths, state, closed_at,
       closed_by, reason, ticket
FROM dead_letters
WHERE tenant_id = %(tenant_id)s::uuid
  AND (%(before)s::uuid IS NULL OR job_id < %(before)s::uuid)
  AND (%(kind)s::text IS NULL OR kind = %(kind)s::text)
  AND (%(host)s::text IS NULL OR host = %(host)s::text)
  AND (%(code)s::text IS NULL OR code = %(code)s::text)
  AND (%(fingerprint)s::text IS NULL OR fingerprint = %(fingerprint)s::text)
  AND (%(job_id)s::uuid IS NULL OR job_id = %(job_id)s::uuid)
  AND (%(state)s::text IS NULL OR state = %(state)s::text)
  AND (%(died_from)s::timestamptz IS NULL OR died_at >= %(died_from)s::timestamptz)
  AND (%(died_to)s::timestamptz IS NULL OR died_at < %(died_to)s::timestamptz)
ORDER BY job_id DESC
LIMIT %(limit)s::integer
