-- Remember that a person is there and as what, at most once in five minutes unless the role is another.
UPDATE members
SET last_seen_at = lading_now(), role = %(role)s::text
WHERE tenant_id = %(tenant_id)s::uuid
  AND id = %(id)s::uuid
  AND removed_at IS NULL
  AND (last_seen_at IS NULL OR last_seen_at < lading_now() - interval '5 minutes' OR role <> %(role)s::text)
