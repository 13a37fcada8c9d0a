-- One mentor.
INSERT INTO mentors (id, organisation_id, chapter_id, full_name)
VALUES (%(id)s::uuid, %(organisation_id)s::integer, %(chapter_id)s::integer, %(full_name)s::text)
