-- One organisation.
INSERT INTO organisations (id, slug, name, organisation_number)
VALUES (%(id)s::integer, %(slug)s::text, %(name)s::text, %(number)s::text)
