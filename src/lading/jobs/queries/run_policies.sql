-- What the failure of these jobs means to their runs.
SELECT node.tenant_id, node.run_id, node.job_id, node.on_failure, run.stop_code
FROM unnest(%(tenant_ids)s::uuid[], %(job_ids)s::uuid[]) AS ended (tenant_id, id)
JOIN run_nodes AS node ON node.tenant_id = ended.tenant_id AND node.job_id = ended.id
JOIN runs AS run ON run.tenant_id = node.tenant_id AND run.id = node.run_id
