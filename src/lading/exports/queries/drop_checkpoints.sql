-- Forget the stages whose files are gone.
DELETE FROM checkpoints
WHERE tenant_id = %(tenant_id)s::uuid AND export_id = %(export_id)s::uuid AND stage = ANY(%(stages)s::text[])
