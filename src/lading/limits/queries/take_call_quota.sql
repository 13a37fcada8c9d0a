-- Count calls and return how their quota stands then; no row where there is none.
SELECT *
FROM take_call_quota(%(tenant_id)s::uuid, %(name)s::text, %(wanted)s::integer)
