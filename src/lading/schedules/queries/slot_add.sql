-- A slot that is being decided; nothing when it is decided already.
INSERT INTO schedule_slots (
    tenant_id, schedule_id, slot, local, outcome, is_manual, is_late, code, since, missed, job_id
)
VALUES (
    %(tenant_id)s::uuid, %(schedule_id)s::uuid, %(slot)s::timestamptz, %(local)s::text, %(outcome)s::text,
    %(is_manual)s::boolean, %(is_late)s::boolean, %(code)s::text, %(since)s::timestamptz, %(missed)s::integer,
    %(job_id)s::uuid
)
ON CONFLICT DO NOTHING
RETURNING slot
