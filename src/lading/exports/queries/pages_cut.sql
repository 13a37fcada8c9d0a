-- What was read from this run on is read anew.
DELETE FROM export_pages
WHERE tenant_id = %(tenant_id)s::uuid
  AND export_id = %(export_id)s::uuid
  AND mark = %(mark)s::text
  AND number >= %(number)s::integer
