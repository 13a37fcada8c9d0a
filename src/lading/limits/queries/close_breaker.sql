-- The host answered; a breaker that was closed and clean is not written.
UPDATE breakers
SET state = 'closed', failures = 0, cooldown_seconds = %(cooldown_seconds)s::float8, retry_at = NULL, probe_until = NULL,
    changed_at = CASE WHEN state <> 'closed' THEN lading_now() ELSE changed_at END
WHERE tenant_id = %(tenant_id)s::uuid AND host = %(host)s::text AND (state <> 'closed' OR failures > 0)
RETURNING changed_at = lading_now() AS has_changed
