-- How many exports a filter matches, for the numbered pages of the report API.
SELECT count(*) AS total
FROM exports
WHERE tenant_id = %(tenant_id)s::uuid
  AND deleted_at IS NULL
  AND (cardinality(%(status)s::text[]) = 0 OR status = ANY(%(status)s::text[]))
  AND (%(profile)s::text IS NULL OR profile = %(profile)s::text)
