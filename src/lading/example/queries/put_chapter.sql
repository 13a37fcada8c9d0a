-- One chapter below another of the same organisation.
INSERT INTO chapters (id, organisation_id, parent_id, code, name, level)
SELECT
    %(id)s::integer, %(organisation_id)s::integer,
    (
        SELECT parent.id FROM chapters AS parent
        WHERE parent.organisation_id = %(organisation_id)s::integer AND parent.code = %(parent)s::text
    ),
    %(code)s::text, %(name)s::text, %(level)s::chapter_level
