-- A tenant that was found empty while its next job was being committed gets its turn after all.
UPDATE turns
SET next_at = lading_now()
WHERE next_at = 'infinity'
  AND EXISTS (
      SELECT FROM lanes
      WHERE lanes.tenant_id = turns.tenant_id
        AND lanes.waiting_for IS DISTINCT FROM 'pause'
        AND EXISTS (
            SELECT FROM jobs
            WHERE jobs.tenant_id = lanes.tenant_id AND jobs.kind = lanes.kind AND jobs.host = lanes.host
              AND jobs.state = 'pending'
        )
  )
