-- The durable result of a stage; an attempt that redoes a stage replaces it.
INSERT INTO checkpoints (tenant_id, export_id, stage, attempt, result)
VALUES (%(tenant_id)s::uuid, %(export_id)s::uuid, %(stage)s::text, %(attempt)s::integer, %(result)s::jsonb)
ON CONFLICT (tenant_id, export_id, stage) DO UPDATE
SET attempt = excluded.attempt, result = excluded.result, completed_at = lading_now()
