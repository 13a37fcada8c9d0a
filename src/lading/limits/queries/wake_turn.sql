-- What held the tenant back has changed: its lanes are looked at again.
UPDATE turns
SET next_at = lading_now()
WHERE tenant_id = %(tenant_id)s::uuid AND next_at > lading_now()
