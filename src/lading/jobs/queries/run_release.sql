-- One parent less for the children of jobs that are done; a child without any is due, with a new place in its lane.
-- Children are locked in the order of their ids, so that two finishing parents wait for each other but never both.
-- A run is locked before, together with others who do so: who stops it waits, and those who come later see it stopped.
WITH edges AS MATERIALIZED (
    SELECT edge.tenant_id, edge.run_id, edge.child_job, count(*) AS done
    FROM unnest(%(tenant_ids)s::uuid[], %(job_ids)s::uuid[]) AS ended (tenant_id, id)
    JOIN run_edges AS edge ON edge.tenant_id = ended.tenant_id AND edge.parent_job = ended.id
    WHERE edge.child_job IS NOT NULL
    GROUP BY edge.tenant_id, edge.run_id, edge.child_job
),
named AS MATERIALIZED (
    SELECT DISTINCT tenant_id, run_id, hashtext(run_id::text) & 63 AS bar
    FROM edges
),
-- Behind who waits to stop one of them (run_bar.sql): a row's lock alone goes to all who share it first.
reached AS MATERIALIZED (
    SELECT bar, pg_advisory_xact_lock_shared(hashtext('lading.runs'), bar)
    FROM (SELECT DISTINCT bar FROM named ORDER BY bar) AS bars
),
going AS MATERIALIZED (
    SELECT run.tenant_id, run.id
    FROM named
    JOIN reached USING (bar)
    JOIN runs AS run ON run.tenant_id = named.tenant_id AND run.id = named.run_id
    WHERE run.stop_code IS NULL
    ORDER BY run.tenant_id, run.id
    FOR SHARE OF run
),
wanted AS MATERIALIZED (
    SELECT edges.tenant_id, edges.child_job, edges.done
    FROM edges
    JOIN going ON going.tenant_id = edges.tenant_id AND going.id = edges.run_id
),
children AS MATERIALIZED (
    SELECT job.tenant_id, job.id, wanted.done
    FROM wanted
    JOIN jobs AS job ON job.tenant_id = wanted.tenant_id AND job.id = wanted.child_job
    WHERE job.state = 'blocked' AND job.cancel_requested_at IS NULL
    ORDER BY job.tenant_id, job.id
    FOR UPDATE OF job
)
UPDATE jobs
SET pending_parents = jobs.pending_parents - children.done,
    state = CASE
        WHEN jobs.pending_parents > children.done THEN 'blocked'
        WHEN jobs.due_at > lading_now() THEN 'scheduled'
        ELSE 'pending'
    END,
    sequence = DEFAULT,
    rev = jobs.rev + CASE WHEN jobs.pending_parents > children.done THEN 0 ELSE 1 END
FROM children
WHERE jobs.tenant_id = children.tenant_id AND jobs.id = children.id
RETURNING jobs.tenant_id, jobs.run_id, jobs.id, jobs.state
