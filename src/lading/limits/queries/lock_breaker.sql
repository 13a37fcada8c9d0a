-- Lock the breaker of a host, made on its first fault.
INSERT INTO breakers (tenant_id, host)
VALUES (%(tenant_id)s::uuid, %(host)s::text)
ON CONFLICT (tenant_id, host) DO UPDATE SET host = excluded.host
RETURNING state, failures, cooldown_seconds
