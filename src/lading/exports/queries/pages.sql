-- The runs of pages of one reading, in their order; none when the first is a day old, because what was read then and
-- what would be read now have too little in common.
SELECT number, result
FROM export_pages
WHERE tenant_id = %(tenant_id)s::uuid
  AND export_id = %(export_id)s::uuid
  AND mark = %(mark)s::text
  AND NOT EXISTS (
      SELECT
      FROM export_pages AS old
      WHERE old.tenant_id = %(tenant_id)s::uuid
        AND old.export_id = %(export_id)s::uuid
        AND old.mark = %(mark)s::text
        AND old.read_at < lading_now() - interval '1 day'
  )
ORDER BY number
