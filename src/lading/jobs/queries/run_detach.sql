-- The children of a node that went on without it don't wait for it a second time.
UPDATE run_edges
SET parent_job = NULL
WHERE tenant_id = %(tenant_id)s::uuid AND parent_job = %(job_id)s::uuid
