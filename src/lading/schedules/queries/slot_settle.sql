-- What became of a slot after all.
UPDATE schedule_slots
SET outcome = %(outcome)s::text, code = %(code)s::text, message = %(message)s::text, subject = %(subject)s::text,
    decided_at = lading_now()
WHERE tenant_id = %(tenant_id)s::uuid AND schedule_id = %(schedule_id)s::uuid AND slot = %(slot)s::timestamptz
RETURNING slot
