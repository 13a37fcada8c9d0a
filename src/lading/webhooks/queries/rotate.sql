-- Give a webhook a new secret; the old one signs beside it until its time is over.
UPDATE webhooks
SET old_secret = secret, old_until = %(until)s::timestamptz, secret = %(secret)s::bytea, version = version + 1,
    updated_at = lading_now()
WHERE tenant_id = %(tenant_id)s::uuid
  AND id = %(id)s::uuid
RETURNING *
