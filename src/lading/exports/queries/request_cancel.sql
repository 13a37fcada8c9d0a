-- Somebody wants a running export to stop.
UPDATE exports
SET cancel_requested_at = coalesce(cancel_requested_at, lading_now()), rev = rev + 1, version = version + 1
WHERE tenant_id = %(tenant_id)s::uuid AND id = %(id)s::uuid
RETURNING rev
