-- The orchestrator: batches, deadlines, runs, retry policies and budgets, adaptive rates, allocations, objects.

-- ---------------------------------------------------------------- jobs

-- What a worker can do at once; a reserved share is a share of the sum of these.
ALTER TABLE leases ADD COLUMN slots integer NOT NULL DEFAULT 1 CHECK (slots >= 0);

-- A job that was lost in a batch runs alone from then on (`is_solo`), so that only its own crashes count against it.
-- `batch_id` and `enqueued_in` name the batches whose ledger entries tell of this job among others.  `progress_at` is
-- when an attempt, this one or an earlier one, last told that it came forward.
ALTER TABLE jobs
    ADD COLUMN run_id uuid,
    ADD COLUMN pending_parents integer NOT NULL DEFAULT 0 CHECK (pending_parents >= 0),
    ADD COLUMN replay_of uuid,
    ADD COLUMN payload_digest bytea CHECK (octet_length(payload_digest) = 32),
    ADD COLUMN deadline_seconds integer CHECK (deadline_seconds > 0),
    ADD COLUMN is_solo boolean NOT NULL DEFAULT false,
    ADD COLUMN batch_id uuid,
    ADD COLUMN enqueued_in uuid,
    ADD COLUMN progress_at timestamptz,
    ADD CHECK ((state = 'blocked') = (pending_parents > 0)),
    ADD CHECK (batch_id IS NULL OR state = 'running');
-- Ids of a run's jobs grow along its graph: the highest one is live until nearly the end, so that "is anything live?" is
-- one look at this index's end.  A job that waits and is not wanted any more is ended by a sweep.
CREATE INDEX jobs_run ON jobs (tenant_id, run_id, id) WHERE run_id IS NOT NULL;
CREATE INDEX jobs_unwanted ON jobs (tenant_id, run_id, id) WHERE cancel_requested_at IS NOT NULL AND state <> 'running';

-- Every statement names the tenant, so the primary key finds a job; a second index would be written to with every change.
DROP INDEX jobs_id;

GRANT SELECT ON SEQUENCE jobs_sequence_seq TO lading_system;

-- The last attempt of a job that ended is told here; `attempts` has those before it, and those that were not in a batch.
ALTER TABLE finished_jobs
    ADD COLUMN run_id uuid,
    ADD COLUMN replay_of uuid,
    ADD COLUMN payload_digest bytea,
    ADD COLUMN deadline_seconds integer,
    ADD COLUMN lease_id uuid,
    ADD COLUMN started_at timestamptz,
    ADD COLUMN batch_id uuid,
    ADD COLUMN enqueued_in uuid;
CREATE INDEX finished_jobs_run ON finished_jobs (tenant_id, run_id) WHERE run_id IS NOT NULL;
-- A column of its own: an operator of jsonb is not leakproof and would lose the index under row-level security.
ALTER TABLE finished_jobs ADD COLUMN code text;
UPDATE finished_jobs SET code = error ->> 'code' WHERE error IS NOT NULL;
CREATE INDEX finished_jobs_code ON finished_jobs (tenant_id, code, id) WHERE code IS NOT NULL;

ALTER TABLE attempts ADD COLUMN batch_id uuid;
CREATE INDEX attempts_ended ON attempts (ended_at);

-- Those that must run alone are few, and are looked for often.
CREATE INDEX jobs_solo ON jobs (tenant_id, kind, host, priority DESC, sequence) WHERE state = 'pending' AND is_solo;

-- ---------------------------------------------------------------- runs

-- One execution of a graph of jobs.  A run ends when none of its jobs is live; its nodes are counted then, because the
-- history of jobs is pruned and that of runs is not.  `stop_code` says why what waits in it is ended by a sweep.
CREATE TABLE runs (
    tenant_id uuid NOT NULL REFERENCES tenants,
    id uuid NOT NULL,
    name text NOT NULL CHECK (name <> ''),
    state text NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'completed', 'failed', 'cancelled')),
    on_failure text NOT NULL CHECK (on_failure IN ('fail', 'skip', 'continue')),
    replay_of uuid,
    requested_by text NOT NULL,
    cancel_requested_at timestamptz,
    cancel_reason text,
    cancel_ticket text,
    stop_code text CHECK (stop_code IN ('run-failed', 'run-cancelled')),
    nodes integer NOT NULL CHECK (nodes > 0),
    counts jsonb,
    rev bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT lading_now(),
    ended_at timestamptz,
    PRIMARY KEY (tenant_id, id),
    CHECK ((state = 'running') = (ended_at IS NULL)),
    CHECK ((state = 'running') = (counts IS NULL)),
    CHECK ((cancel_requested_at IS NOT NULL) = (coalesce(stop_code, '') = 'run-cancelled'))
);
CREATE INDEX runs_running ON runs (tenant_id, id) WHERE state = 'running';

-- `place` is a topological order; a node without `job_id` is taken over as done from the run that this one replays.
CREATE TABLE run_nodes (
    tenant_id uuid NOT NULL,
    run_id uuid NOT NULL,
    key text NOT NULL CHECK (octet_length(key) BETWEEN 1 AND 200),
    place integer NOT NULL CHECK (place >= 0),
    job_id uuid,
    kind text NOT NULL,
    host text NOT NULL DEFAULT '',
    on_failure text NOT NULL CHECK (on_failure IN ('fail', 'skip', 'continue')),
    definition jsonb NOT NULL,
    PRIMARY KEY (tenant_id, run_id, key),
    FOREIGN KEY (tenant_id, run_id) REFERENCES runs
);
CREATE UNIQUE INDEX run_nodes_job ON run_nodes (tenant_id, job_id) WHERE job_id IS NOT NULL;

CREATE TABLE run_edges (
    tenant_id uuid NOT NULL,
    run_id uuid NOT NULL,
    parent text NOT NULL,
    child text NOT NULL,
    parent_job uuid,
    child_job uuid,
    PRIMARY KEY (tenant_id, run_id, parent, child),
    FOREIGN KEY (tenant_id, run_id) REFERENCES runs
);
CREATE INDEX run_edges_parent ON run_edges (tenant_id, parent_job) WHERE parent_job IS NOT NULL;

-- ---------------------------------------------------------------- retries

-- How failures of a class are tried again; no row means the shipped policy of the class, kind '*' means every kind.
CREATE TABLE retry_policies (
    tenant_id uuid NOT NULL REFERENCES tenants,
    kind text NOT NULL CHECK (kind <> ''),
    class text NOT NULL CHECK (class <> ''),
    max_attempts integer NOT NULL CHECK (max_attempts BETWEEN 1 AND 1000),
    base_seconds double precision NOT NULL CHECK (base_seconds > 0),
    cap_seconds double precision NOT NULL CHECK (cap_seconds >= base_seconds),
    reason text,
    ticket text,
    version bigint NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant_id, kind, class)
);

-- What may be retried on a host: each answer earns a part of a retry, time earns a trickle.  A retry that finds nothing
-- left is parked: the job waits until `parked_until` at the latest.
CREATE TABLE retry_budgets (
    tenant_id uuid NOT NULL REFERENCES tenants,
    host text NOT NULL,
    tokens double precision NOT NULL CHECK (tokens >= 0),
    refilled_at timestamptz NOT NULL DEFAULT lading_now(),
    parked_at timestamptz,
    parked_until timestamptz,
    PRIMARY KEY (tenant_id, host)
) WITH (fillfactor = 50);

-- ---------------------------------------------------------------- adaptive rates and allocations

-- `factor` is what a host's 429 have left of the rate; nothing starts before `blocked_until` (Retry-After).
-- A bucket that nobody set is learnt from a 429, and goes when its factor is whole again.
ALTER TABLE buckets
    ADD COLUMN factor double precision NOT NULL DEFAULT 1 CHECK (factor > 0 AND factor <= 1),
    ADD COLUMN adapted_at timestamptz,
    ADD COLUMN blocked_until timestamptz,
    ADD COLUMN is_learnt boolean NOT NULL DEFAULT false,
    ADD COLUMN reason text,
    ADD COLUMN ticket text;
ALTER TABLE quotas ADD COLUMN reason text, ADD COLUMN ticket text;

-- How the capacity of the instance is shared among tenants; no row means equal turns and no limit.
CREATE TABLE allocations (
    tenant_id uuid PRIMARY KEY REFERENCES tenants,
    strategy text NOT NULL CHECK (strategy IN ('unlimited', 'proportional', 'priority', 'reserved', 'max_limit')),
    weight integer NOT NULL DEFAULT 1 CHECK (weight BETWEEN 1 AND 1000),
    priority integer NOT NULL DEFAULT 0 CHECK (priority BETWEEN -100 AND 100),
    reserved integer NOT NULL DEFAULT 0 CHECK (reserved >= 0),
    max_active integer CHECK (max_active >= 0),
    max_queued integer CHECK (max_queued >= 0),
    reason text,
    ticket text,
    version bigint NOT NULL DEFAULT 1,
    CHECK ((strategy = 'max_limit') = (max_active IS NOT NULL))
);

-- When the ledger was last told that jobs of a tenant are refused: once a minute is enough.
CREATE TABLE refusals (
    tenant_id uuid PRIMARY KEY REFERENCES tenants,
    noted_at timestamptz NOT NULL DEFAULT lading_now()
);

-- ---------------------------------------------------------------- what operators did

-- A lifted pause stays, with who lifted it and why; `ends_at` is then the moment, which may be before it began.
ALTER TABLE pauses
    DROP CONSTRAINT pauses_check,
    ADD COLUMN lifted_at timestamptz,
    ADD COLUMN lifted_by text,
    ADD COLUMN lift_reason text,
    ADD COLUMN lift_ticket text,
    ADD CHECK (ends_at > starts_at OR lifted_at = ends_at),
    ADD CHECK ((lifted_at IS NULL) = (lifted_by IS NULL));

-- How often the job died; a letter that was requeued and is open again counts on.
ALTER TABLE dead_letters ADD COLUMN deaths integer NOT NULL DEFAULT 1 CHECK (deaths > 0);

-- ---------------------------------------------------------------- objects

-- The registry of stored files: one per tenant and content.  What nothing points at is tombstoned first, its file is
-- deleted next and its row last.  The name of a file is used once: who publishes content that is being collected brings a
-- file of another name, so that a deletion that comes late hits nothing.  `state` is part of a key, so that no artifact
-- can point at a tombstone, whatever the code forgets.
CREATE TABLE objects (
    tenant_id uuid NOT NULL REFERENCES tenants,
    digest bytea NOT NULL CHECK (octet_length(digest) = 32),
    size bigint NOT NULL CHECK (size >= 0),
    blob_key text NOT NULL CHECK (starts_with(blob_key, 'objects/' || tenant_id || '/')),
    state text NOT NULL DEFAULT 'live' CHECK (state IN ('live', 'tombstoned')),
    created_at timestamptz NOT NULL DEFAULT lading_now(),
    tombstoned_at timestamptz,
    PRIMARY KEY (tenant_id, digest),
    UNIQUE (tenant_id, digest, state),
    UNIQUE (tenant_id, blob_key),
    CHECK ((state = 'tombstoned') = (tombstoned_at IS NOT NULL))
);
CREATE INDEX objects_tombstoned ON objects (tombstoned_at) WHERE state = 'tombstoned';

-- Provenance of an artifact: the job, attempt and lease that made it, and what went in.  Those that were published before
-- there were objects keep a file of their own (`blob_key`) and point at none.
ALTER TABLE artifacts
    ADD COLUMN job_id uuid,
    ADD COLUMN lease_id uuid,
    ADD COLUMN source text,
    ADD COLUMN inputs jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN object_state text CHECK (object_state = 'live'),
    ALTER COLUMN blob_key DROP NOT NULL,
    ADD CHECK ((object_state IS NULL) = (blob_key IS NOT NULL)),
    ADD FOREIGN KEY (tenant_id, digest, object_state) REFERENCES objects (tenant_id, digest, state);
CREATE INDEX artifacts_digest ON artifacts (tenant_id, digest);
CREATE INDEX artifacts_older ON artifacts (digest) WHERE object_state IS NULL;
CREATE POLICY system ON artifacts FOR SELECT TO lading_system USING (object_state IS NULL);
GRANT SELECT (tenant_id, digest, size, blob_key, object_state) ON artifacts TO lading_system;

-- ---------------------------------------------------------------- wake-ups

-- A tenant has a turn from its first job on, whatever that job's state: a scheduled one is promoted later by an update,
-- which makes no turns.  Who enqueues takes no lock on a turn that is due already, so that claims and enqueues of one
-- tenant don't wait for each other.
CREATE OR REPLACE FUNCTION wake_after_insert() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO lanes (tenant_id, kind, host)
    SELECT DISTINCT added.tenant_id, added.kind, added.host
    FROM added
    WHERE NOT EXISTS (
        SELECT FROM lanes
        WHERE lanes.tenant_id = added.tenant_id AND lanes.kind = added.kind AND lanes.host = added.host
    )
    ON CONFLICT DO NOTHING;
    INSERT INTO turns (tenant_id)
    SELECT DISTINCT added.tenant_id
    FROM added
    WHERE NOT EXISTS (SELECT FROM turns WHERE turns.tenant_id = added.tenant_id)
    ON CONFLICT DO NOTHING;
    UPDATE turns SET next_at = lading_now()
    WHERE next_at > lading_now()
      AND tenant_id IN (SELECT added.tenant_id FROM added WHERE added.state = 'pending');
    RETURN NULL;
END
$$;
INSERT INTO turns (tenant_id, next_at) SELECT DISTINCT tenant_id, lading_now() FROM jobs ON CONFLICT DO NOTHING;

-- By row and only where it matters: a claim changes many rows, none of which wakes anybody.
-- Who ends a job holds it, and the children it lets go on, and never waits for a turn besides: two that end parents of
-- one child would wait for each other.  A turn that is held is just being woken or claimed.
CREATE OR REPLACE FUNCTION wake_after_update() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE turns SET next_at = lading_now()
    WHERE tenant_id IN (
        SELECT asleep.tenant_id FROM turns AS asleep
        WHERE asleep.tenant_id = new.tenant_id AND asleep.next_at > lading_now()
        FOR UPDATE SKIP LOCKED
    );
    RETURN NULL;
END
$$;
CREATE OR REPLACE FUNCTION wake_after_delete() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE turns SET next_at = lading_now()
    WHERE tenant_id IN (
        SELECT asleep.tenant_id FROM turns AS asleep
        WHERE asleep.next_at > lading_now()
          AND asleep.tenant_id IN (SELECT removed.tenant_id FROM removed WHERE removed.state = 'running')
        FOR UPDATE SKIP LOCKED
    );
    RETURN NULL;
END
$$;
DROP TRIGGER jobs_wake_update ON jobs;
CREATE TRIGGER jobs_wake_update AFTER UPDATE ON jobs
FOR EACH ROW
WHEN ((new.state = 'pending' AND old.state <> 'pending') OR (old.state = 'running' AND new.state <> 'running'))
EXECUTE FUNCTION wake_after_update();

-- ---------------------------------------------------------------- who may do what

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY[
        'runs', 'run_nodes', 'run_edges', 'retry_policies', 'retry_budgets', 'allocations', 'refusals', 'objects'
    ] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format(
            'CREATE POLICY tenant ON %I TO lading_app USING (tenant_id = (SELECT current_tenant())) '
            'WITH CHECK (tenant_id = (SELECT current_tenant()))', name);
        EXECUTE format('CREATE POLICY system ON %I TO lading_system USING (true) WITH CHECK (true)', name);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO lading_app', name);
        EXECUTE format('GRANT SELECT ON %I TO lading_system', name);
    END LOOP;
END
$$;
GRANT UPDATE ON runs, retry_budgets TO lading_system;
GRANT DELETE ON buckets TO lading_system;
GRANT DELETE ON attempts TO lading_system;
GRANT DELETE ON sources TO lading_app;

-- What tenants have reserved, as far as living workers have slots for it: all of them but one, so that who has reserved
-- nothing always gets on.  Of more than that each tenant has its part, rounded down.
CREATE VIEW reservations WITH (security_invoker = true) AS
SELECT allocations.tenant_id,
       least(
           allocations.reserved,
           floor(
               allocations.reserved::numeric * greatest(0, living.slots - 1) / sum(allocations.reserved) OVER ()
           )
       )::integer AS jobs
FROM allocations
CROSS JOIN (
    SELECT coalesce(sum(slots), 0) AS slots FROM leases WHERE state = 'active' AND lease_until > lading_now()
) AS living
WHERE allocations.strategy = 'reserved' AND allocations.reserved > 0;
GRANT SELECT ON reservations TO lading_system;

-- ---------------------------------------------------------------- history

-- Both run as the owner of the tables, take one lock so that two processes do no more than one, and wait for no table
-- longer than half a second: behind who waits for a table alone, everybody waits, and somebody may read it for hours.
-- The owner passes row-level security only while it holds a table alone.

-- Make the partition of finished_jobs for a month, unless it is there; true when it was made.  Rows that landed in the
-- default partition move over; when they are too many to move at once they stay there, where every query finds them.
CREATE FUNCTION make_history_partition(of_month date, movable integer) RETURNS boolean
LANGUAGE plpgsql SET lock_timeout = '500ms' AS $$
DECLARE
    first timestamptz := date_trunc('month', of_month)::timestamp AT TIME ZONE 'UTC';
    past timestamptz := (date_trunc('month', of_month) + interval '1 month')::timestamp AT TIME ZONE 'UTC';
    name text := 'finished_jobs_' || to_char(of_month, 'YYYY_MM');
    found boolean;
BEGIN
    IF to_regclass(name) IS NOT NULL THEN
        RETURN false;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('finished_jobs'));
    LOCK TABLE finished_jobs_default IN ACCESS EXCLUSIVE MODE;
    IF to_regclass(name) IS NOT NULL THEN  -- somebody made it while we waited; seen for sure once a table is locked
        RETURN false;
    END IF;
    ALTER TABLE finished_jobs_default NO FORCE ROW LEVEL SECURITY;
    SELECT EXISTS (
        SELECT FROM finished_jobs_default WHERE finished_at >= first AND finished_at < past OFFSET movable
    ) INTO found;
    IF NOT found THEN
        EXECUTE format('CREATE TABLE %I (LIKE finished_jobs INCLUDING ALL)', name);
        EXECUTE format(
            'WITH moved AS (DELETE FROM finished_jobs_default WHERE finished_at >= %L AND finished_at < %L RETURNING *) '
            'INSERT INTO %I SELECT * FROM moved', first, past, name);
        EXECUTE format('ALTER TABLE finished_jobs ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', name, first, past);
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format(
            'CREATE POLICY tenant ON %I TO lading_app USING (tenant_id = (SELECT current_tenant())) '
            'WITH CHECK (tenant_id = (SELECT current_tenant()))', name);
    END IF;
    ALTER TABLE finished_jobs_default FORCE ROW LEVEL SECURITY;
    RETURN NOT found;
END
$$;

-- Drop the partitions of finished_jobs whose months were over at an instant; return their names and how many jobs went.
CREATE FUNCTION drop_history_before(instant timestamptz) RETURNS TABLE (partition text, jobs bigint)
LANGUAGE plpgsql SET lock_timeout = '500ms' AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('finished_jobs'));
    FOR partition IN
        SELECT relname::text
        FROM pg_inherits
        JOIN pg_class ON pg_class.oid = inhrelid
        WHERE inhparent = 'finished_jobs'::regclass
          AND relname ~ '^finished_jobs_[0-9]{4}_[0-9]{2}$'
          AND (to_date(right(relname, 7), 'YYYY_MM') + interval '1 month')::timestamp AT TIME ZONE 'UTC' <= instant
        ORDER BY relname
    LOOP
        EXECUTE format('ALTER TABLE finished_jobs DETACH PARTITION %I', partition);
        EXECUTE format('ALTER TABLE %I NO FORCE ROW LEVEL SECURITY', partition);
        EXECUTE format('SELECT count(*) FROM %I', partition) INTO jobs;
        EXECUTE format('DROP TABLE %I', partition);
        RETURN NEXT;
    END LOOP;
END
$$;
GRANT DELETE ON finished_jobs, dead_letters TO lading_system;

-- What runs is found by tenant and kind, and by lease only seldom: one index instead of two.  The lease is in its key
-- because it changes with each claim: an entry of which only the predicate changes is taken for another version of the
-- same, and PostgreSQL reads the table for versions to delete whenever a leaf is full.
DROP INDEX jobs_running;
DROP INDEX jobs_lane_running;
CREATE INDEX jobs_running ON jobs (tenant_id, kind, lease_id) WHERE state = 'running';
CREATE INDEX jobs_cancel_requested ON jobs (lease_id) WHERE state = 'running' AND cancel_requested_at IS NOT NULL;
-- Leaves of the key have room for the second version that a claim writes of each row: no leaf is split for it.
ALTER INDEX jobs_pkey SET (fillfactor = 45);
