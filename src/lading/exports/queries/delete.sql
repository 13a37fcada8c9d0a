-- Hide an export that ended; the row and its ledger entries stay as the tombstone.
UPDATE exports
SET deleted_at = lading_now(), rev = rev + 1, version = version + 1
WHERE tenant_id = %(tenant_id)s::uuid AND id = %(id)s::uuid AND deleted_at IS NULL
RETURNING rev
