-- Every edge of a new run, in one statement; an edge knows the jobs at its ends, so that an end finds its children.
INSERT INTO run_edges (tenant_id, run_id, parent, child, parent_job, child_job)
SELECT %(tenant_id)s::uuid, %(run_id)s::uuid, given.parent, given.child, given.parent_job, given.child_job
FROM unnest(%(parents)s::text[], %(children)s::text[], %(parent_jobs)s::uuid[], %(child_jobs)s::uuid[])
    AS given (parent, child, parent_job, child_job)
