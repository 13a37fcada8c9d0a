-- Take the turn of the tenants that have waited longest; those whose turn another worker holds are skipped.
SELECT tenant_id
FROM turns
WHERE next_at <= lading_now()
  AND EXISTS (
      SELECT FROM leases
      WHERE leases.id = %(lease_id)s::uuid AND leases.state = 'active' AND leases.lease_until > lading_now()
  )
ORDER BY next_at
LIMIT %(limit)s::integer
FOR UPDATE SKIP LOCKED
