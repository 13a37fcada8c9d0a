-- The run has ended; its nodes stay counted when the history of their jobs is pruned.
UPDATE runs
SET state = %(state)s::text, counts = %(counts)s::jsonb, ended_at = lading_now(), rev = rev + 1
WHERE tenant_id = %(tenant_id)s::uuid AND id = %(id)s::uuid AND state = 'running'
RETURNING *
