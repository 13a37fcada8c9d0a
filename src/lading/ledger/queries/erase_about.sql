-- Erase what was said of a subject, of a person, or by a person.
DELETE FROM disclosures
WHERE tenant_id = %(tenant_id)s::uuid
    AND (subject = %(about)s::text OR about = %(about)s::text OR actor_id = %(about)s::text)
RETURNING value
