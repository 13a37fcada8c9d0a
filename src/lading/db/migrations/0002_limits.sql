-- Limits: whose turn it is, and what holds a lane back.
-- A lane is {tenant, kind, host}; a host is the name of a source.  Whoever holds a tenant's turn row may alone decide
-- over that tenant's lanes, buckets, quotas and breakers, so limits are exact without any other lock.

ALTER TABLE jobs ADD COLUMN host text NOT NULL DEFAULT '' CHECK (octet_length(host) <= 255);
ALTER TABLE finished_jobs ADD COLUMN host text NOT NULL DEFAULT '';

DROP INDEX jobs_pending;
CREATE INDEX jobs_lane_pending ON jobs (tenant_id, kind, host, priority DESC, sequence) WHERE state = 'pending';
CREATE INDEX jobs_lane_running ON jobs (tenant_id, kind) WHERE state = 'running';

CREATE TABLE turns (
    tenant_id uuid PRIMARY KEY REFERENCES tenants,
    next_at timestamptz NOT NULL DEFAULT 'infinity'
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
CREATE INDEX turns_next ON turns (next_at);

CREATE TABLE lanes (
    tenant_id uuid NOT NULL REFERENCES tenants,
    kind text NOT NULL,
    host text NOT NULL,
    waiting_for text CHECK (waiting_for IN ('quota', 'rate', 'breaker', 'blackout', 'pause')),
    eligible_at timestamptz,
    since timestamptz NOT NULL DEFAULT lading_now(),
    PRIMARY KEY (tenant_id, kind, host)
) WITH (fillfactor = 70);

-- Tokens per second that jobs on a host may start with; no row means no limit.
CREATE TABLE buckets (
    tenant_id uuid NOT NULL REFERENCES tenants,
    host text NOT NULL,
    rate double precision NOT NULL CHECK (rate > 0 AND rate <= 1000000),
    burst double precision NOT NULL CHECK (burst >= 1 AND burst <= 1000000),
    tokens double precision NOT NULL CHECK (tokens >= 0),
    refilled_at timestamptz NOT NULL DEFAULT lading_now(),
    version bigint NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant_id, host),
    CHECK (tokens <= burst)
) WITH (fillfactor = 50);

-- How many jobs of a kind may run at once, and start per hour with which burst; null means no limit.
CREATE TABLE quotas (
    tenant_id uuid NOT NULL REFERENCES tenants,
    kind text NOT NULL CHECK (kind <> ''),
    max_active integer CHECK (max_active >= 0),
    max_per_hour integer CHECK (max_per_hour > 0),
    burst integer CHECK (burst > 0),
    tokens double precision NOT NULL DEFAULT 0 CHECK (tokens >= 0),
    refilled_at timestamptz NOT NULL DEFAULT lading_now(),
    version bigint NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant_id, kind),
    CHECK ((max_per_hour IS NULL) = (burst IS NULL)),
    CHECK (max_active IS NOT NULL OR max_per_hour IS NOT NULL)
) WITH (fillfactor = 50);

-- One row per {tenant, host}, shared by all workers; half open lets one probe through.
CREATE TABLE breakers (
    tenant_id uuid NOT NULL REFERENCES tenants,
    host text NOT NULL,
    state text NOT NULL DEFAULT 'closed' CHECK (state IN ('closed', 'open', 'half_open')),
    failures integer NOT NULL DEFAULT 0 CHECK (failures >= 0),
    cooldown_seconds double precision NOT NULL DEFAULT 30 CHECK (cooldown_seconds > 0),
    retry_at timestamptz,
    probe_until timestamptz,
    changed_at timestamptz NOT NULL DEFAULT lading_now(),
    PRIMARY KEY (tenant_id, host),
    CHECK ((state = 'open') = (retry_at IS NOT NULL)),
    CHECK (state = 'half_open' OR probe_until IS NULL)
) WITH (fillfactor = 50);

-- What an operator stopped: a pause lasts until it is resumed, a blackout is a window.
CREATE TABLE pauses (
    tenant_id uuid NOT NULL REFERENCES tenants,
    id uuid NOT NULL,
    scope text NOT NULL CHECK (scope IN ('tenant', 'source', 'kind', 'job')),
    target text NOT NULL DEFAULT '',
    reason text NOT NULL CHECK (btrim(reason) <> ''),
    ticket text,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT lading_now(),
    starts_at timestamptz NOT NULL DEFAULT lading_now(),
    ends_at timestamptz,
    PRIMARY KEY (tenant_id, id),
    CHECK (ends_at > starts_at),
    CHECK ((scope = 'tenant') = (target = ''))
);
CREATE INDEX pauses_target ON pauses (tenant_id, scope, target);

-- Jobs nobody will try again without a person.
CREATE TABLE dead_letters (
    tenant_id uuid NOT NULL REFERENCES tenants,
    job_id uuid NOT NULL,
    kind text NOT NULL,
    host text NOT NULL,
    subject text NOT NULL,
    code text NOT NULL,
    message text NOT NULL,
    fingerprint text NOT NULL,
    attempt integer NOT NULL,
    died_at timestamptz NOT NULL DEFAULT lading_now(),
    state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'requeued', 'resolved', 'discarded')),
    closed_at timestamptz,
    closed_by text,
    reason text,
    ticket text,
    PRIMARY KEY (tenant_id, job_id),
    CHECK ((state = 'open') = (closed_at IS NULL))
);
CREATE INDEX dead_letters_open ON dead_letters (tenant_id, died_at DESC, job_id) WHERE state = 'open';

-- ---------------------------------------------------------------- wake-ups

-- A tenant's turn comes when a job becomes pending, or when one stops running and so makes room under a quota.
CREATE FUNCTION wake_after_insert() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO lanes (tenant_id, kind, host)
    SELECT DISTINCT tenant_id, kind, host FROM added
    ON CONFLICT DO NOTHING;
    INSERT INTO turns (tenant_id, next_at)
    SELECT DISTINCT tenant_id, lading_now() FROM added WHERE state = 'pending'
    ON CONFLICT (tenant_id) DO UPDATE SET next_at = excluded.next_at WHERE turns.next_at > excluded.next_at;
    RETURN NULL;
END
$$;

CREATE FUNCTION wake_after_update() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE turns SET next_at = lading_now()
    WHERE next_at > lading_now()
      AND tenant_id IN (
          SELECT changed.tenant_id
          FROM changed
          JOIN former USING (tenant_id, id)
          WHERE (changed.state = 'pending' AND former.state <> 'pending')
             OR (former.state = 'running' AND changed.state <> 'running')
      );
    RETURN NULL;
END
$$;

CREATE FUNCTION wake_after_delete() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE turns SET next_at = lading_now()
    WHERE next_at > lading_now()
      AND tenant_id IN (SELECT tenant_id FROM removed WHERE state = 'running');
    RETURN NULL;
END
$$;

CREATE TRIGGER jobs_wake_insert AFTER INSERT ON jobs
REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION wake_after_insert();
CREATE TRIGGER jobs_wake_update AFTER UPDATE ON jobs
REFERENCING OLD TABLE AS former NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION wake_after_update();
CREATE TRIGGER jobs_wake_delete AFTER DELETE ON jobs
REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION wake_after_delete();

INSERT INTO lanes (tenant_id, kind, host) SELECT DISTINCT tenant_id, kind, host FROM jobs;
INSERT INTO turns (tenant_id, next_at) SELECT DISTINCT tenant_id, lading_now() FROM jobs;

-- ---------------------------------------------------------------- who may do what

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['turns', 'lanes', 'buckets', 'quotas', 'breakers', 'pauses', 'dead_letters'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format(
            'CREATE POLICY tenant ON %I TO lading_app USING (tenant_id = (SELECT current_tenant())) '
            'WITH CHECK (tenant_id = (SELECT current_tenant()))', name);
        EXECUTE format('CREATE POLICY system ON %I TO lading_system USING (true) WITH CHECK (true)', name);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO lading_app', name);
    END LOOP;
END
$$;
GRANT SELECT, INSERT, UPDATE ON turns, lanes TO lading_system;
GRANT SELECT, UPDATE ON buckets, quotas, breakers TO lading_system;
GRANT SELECT ON pauses, dead_letters TO lading_system;

-- Keys are minted, looked up and revoked by the system role alone.
REVOKE INSERT, UPDATE ON api_keys FROM lading_app;
