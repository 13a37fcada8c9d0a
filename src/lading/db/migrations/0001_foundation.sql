-- The foundation: roles, tenants, keys, profiles, sources, jobs, exports, ledger.
-- Every tenant-owned table has its tenant first in the primary key and FORCEd row-level security.
-- TEXT + CHECK instead of ENUM: enum equality is not leakproof and loses its index under row-level security.

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['lading_app', 'lading_system', 'lading_ledger'] LOOP
        BEGIN
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
                EXECUTE format('CREATE ROLE %I NOLOGIN NOBYPASSRLS NOSUPERUSER', name);
            END IF;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; -- another database of this server was faster
        END;
        IF NOT pg_has_role(current_user, name, 'MEMBER')
           OR NOT EXISTS (SELECT FROM pg_roles WHERE rolname = current_user AND rolsuper) THEN
            EXECUTE format('GRANT %I TO %I', name, current_user);
        END IF;
    END LOOP;
END
$$;

GRANT USAGE ON SCHEMA public TO lading_app, lading_system, lading_ledger;

-- The instant of a change.  Tests set lading.now to run on a virtual clock.
CREATE FUNCTION lading_now() RETURNS timestamptz
LANGUAGE sql STABLE PARALLEL SAFE
RETURN coalesce(nullif(current_setting('lading.now', true), '')::timestamptz, now());

-- The tenant of this transaction; an unset or emptied setting is no tenant at all.
CREATE FUNCTION current_tenant() RETURNS uuid
LANGUAGE sql STABLE PARALLEL SAFE
RETURN nullif(current_setting('lading.tenant', true), '')::uuid;

CREATE FUNCTION refuse_change() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on % is refused: its rows are append-only', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END
$$;

-- ---------------------------------------------------------------- tenants

CREATE TABLE tenants (
    tenant_id uuid PRIMARY KEY,
    slug text NOT NULL UNIQUE CHECK (slug ~ '^[a-z0-9][a-z0-9-]{1,62}$'),
    name text NOT NULL CHECK (name <> ''),
    created_at timestamptz NOT NULL DEFAULT lading_now()
);

-- The instance itself: owner of keys and entries that belong to no organisation.
INSERT INTO tenants (tenant_id, slug, name)
VALUES ('00000000-0000-7000-8000-000000000000', 'instance', 'This Lading instance');

CREATE TABLE api_keys (
    tenant_id uuid NOT NULL REFERENCES tenants,
    id uuid NOT NULL,
    name text NOT NULL,
    role text NOT NULL CHECK (role IN ('viewer', 'requester', 'operator', 'quota', 'auditor', 'admin', 'worker')),
    secret_digest bytea NOT NULL CHECK (octet_length(secret_digest) = 32),
    created_at timestamptz NOT NULL DEFAULT lading_now(),
    expires_at timestamptz,
    revoked_at timestamptz,
    last_used_at timestamptz,
    PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX api_keys_id ON api_keys (id);

-- ---------------------------------------------------------------- sources and profiles

CREATE TABLE sources (
    tenant_id uuid NOT NULL REFERENCES tenants,
    name text NOT NULL CHECK (name ~ '^[a-z0-9][a-z0-9_-]{0,62}$'),
    kind text NOT NULL CHECK (kind IN ('postgresql')),
    credentials_ref text NOT NULL CHECK (credentials_ref ~ '^(env|file):.+'),
    attachments_ref text CHECK (attachments_ref ~ '^file:.+'),
    timeout_seconds integer NOT NULL DEFAULT 600 CHECK (timeout_seconds BETWEEN 1 AND 86400),
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT lading_now(),
    updated_at timestamptz NOT NULL DEFAULT lading_now(),
    PRIMARY KEY (tenant_id, name)
);

CREATE TABLE profiles (
    tenant_id uuid NOT NULL REFERENCES tenants,
    name text NOT NULL CHECK (name ~ '^[a-z0-9][a-z0-9_-]{0,62}$'),
    active_revision integer,
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT lading_now(),
    PRIMARY KEY (tenant_id, name)
);

CREATE TABLE profile_revisions (
    tenant_id uuid NOT NULL,
    name text NOT NULL,
    revision integer NOT NULL CHECK (revision > 0),
    document jsonb NOT NULL,
    digest bytea NOT NULL CHECK (octet_length(digest) = 32),
    created_at timestamptz NOT NULL DEFAULT lading_now(),
    created_by text NOT NULL,
    PRIMARY KEY (tenant_id, name, revision),
    UNIQUE (tenant_id, name, digest),
    FOREIGN KEY (tenant_id, name) REFERENCES profiles
);

-- One column, so at most one revision of a profile is active.
ALTER TABLE profiles ADD FOREIGN KEY (tenant_id, name, active_revision) REFERENCES profile_revisions;

CREATE TRIGGER profile_revisions_immutable BEFORE UPDATE OR DELETE ON profile_revisions
FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER profile_revisions_kept BEFORE TRUNCATE ON profile_revisions
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- ---------------------------------------------------------------- jobs

-- One row per worker process: its heartbeat is one small update, whatever it runs.
CREATE TABLE leases (
    id uuid PRIMARY KEY,
    worker text NOT NULL,
    state text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'closed', 'expired')),
    started_at timestamptz NOT NULL DEFAULT lading_now(),
    beat_at timestamptz NOT NULL DEFAULT lading_now(),
    lease_until timestamptz NOT NULL
) WITH (fillfactor = 30);
CREATE INDEX leases_until ON leases (lease_until) WHERE state = 'active';

-- Live jobs only; what ended moves to finished_jobs, so that claiming stays as fast as on the first day.
CREATE TABLE jobs (
    tenant_id uuid NOT NULL REFERENCES tenants,
    id uuid NOT NULL,
    sequence bigint GENERATED ALWAYS AS IDENTITY,
    kind text NOT NULL CHECK (kind <> ''),
    subject text NOT NULL DEFAULT '',
    state text NOT NULL CHECK (state IN ('blocked', 'scheduled', 'pending', 'running')),
    priority smallint NOT NULL DEFAULT 0,
    due_at timestamptz NOT NULL DEFAULT lading_now(),
    payload jsonb NOT NULL DEFAULT '{}',
    attempt integer NOT NULL DEFAULT 0,
    failures integer NOT NULL DEFAULT 0,
    crashes integer NOT NULL DEFAULT 0,
    max_attempts integer NOT NULL CHECK (max_attempts > 0),
    max_crashes integer NOT NULL CHECK (max_crashes > 0),
    lease_id uuid,
    claimed_at timestamptz,
    started_at timestamptz,
    cancel_requested_at timestamptz,
    cancel_reason text,
    error jsonb,
    rev bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT lading_now(),
    PRIMARY KEY (tenant_id, id),
    CHECK ((state = 'running') = (lease_id IS NOT NULL)),
    CHECK (state = 'running' OR started_at IS NULL)
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);
CREATE UNIQUE INDEX jobs_id ON jobs (id);
CREATE INDEX jobs_pending ON jobs (priority DESC, sequence) WHERE state = 'pending';
CREATE INDEX jobs_scheduled ON jobs (due_at) WHERE state = 'scheduled';
CREATE INDEX jobs_running ON jobs (lease_id) WHERE state = 'running';

-- What ended, partitioned by month so that pruning is DROP PARTITION.
CREATE TABLE finished_jobs (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    kind text NOT NULL,
    subject text NOT NULL,
    state text NOT NULL CHECK (state IN ('completed', 'dead', 'cancelled')),
    priority smallint NOT NULL,
    payload jsonb NOT NULL,
    attempt integer NOT NULL,
    failures integer NOT NULL,
    crashes integer NOT NULL,
    max_attempts integer NOT NULL,
    max_crashes integer NOT NULL,
    error jsonb,
    rev bigint NOT NULL,
    created_at timestamptz NOT NULL,
    finished_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id, finished_at)
) PARTITION BY RANGE (finished_at);
CREATE TABLE finished_jobs_default PARTITION OF finished_jobs DEFAULT;

CREATE TABLE attempts (
    tenant_id uuid NOT NULL,
    job_id uuid NOT NULL,
    attempt integer NOT NULL,
    lease_id uuid NOT NULL,
    worker text NOT NULL,
    started_at timestamptz NOT NULL DEFAULT lading_now(),
    ended_at timestamptz,
    outcome text CHECK (outcome IN ('completed', 'failed', 'timed_out', 'lost', 'cancelled', 'snoozed', 'released')),
    error jsonb,
    PRIMARY KEY (tenant_id, job_id, attempt)
);

-- Idempotency outlives the thing it made.
CREATE TABLE idempotency_keys (
    tenant_id uuid NOT NULL REFERENCES tenants,
    key text NOT NULL CHECK (octet_length(key) BETWEEN 1 AND 255),
    request_digest bytea NOT NULL CHECK (octet_length(request_digest) = 32),
    resource_id uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT lading_now(),
    PRIMARY KEY (tenant_id, key)
);

-- ---------------------------------------------------------------- exports

-- `rev` counts state changes and is what ledger entries carry; `version` counts every visible change (ETag).
CREATE TABLE exports (
    tenant_id uuid NOT NULL REFERENCES tenants,
    id uuid NOT NULL,
    job_id uuid NOT NULL,
    type text NOT NULL,
    profile text NOT NULL,
    revision integer NOT NULL,
    format text NOT NULL,
    period_from date NOT NULL,
    period_to date NOT NULL,
    parameters jsonb NOT NULL DEFAULT '{}',
    include_attachments boolean NOT NULL DEFAULT false,
    status text NOT NULL DEFAULT 'pending'
        CHECK (status IN ('pending', 'running', 'completed', 'failed', 'cancelled', 'expired')),
    stage text CHECK (stage IN ('querying', 'mapping', 'generating', 'bundling', 'auditing')),
    retry_count integer NOT NULL DEFAULT 0,
    progress jsonb NOT NULL DEFAULT '{}',
    warnings jsonb NOT NULL DEFAULT '[]',
    rows_read bigint,
    rows_written bigint,
    rows_quarantined bigint,
    rows_duplicate bigint,
    error jsonb,
    cancel_requested_at timestamptz,
    requested_by text NOT NULL,
    rev bigint NOT NULL DEFAULT 1,
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT lading_now(),
    started_at timestamptz,
    ended_at timestamptz,
    expires_at timestamptz,
    deleted_at timestamptz,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, profile, revision) REFERENCES profile_revisions (tenant_id, name, revision),
    CHECK (period_from <= period_to),
    CHECK ((status = 'failed') = (error IS NOT NULL)),
    CHECK (status <> 'completed' OR rows_read = rows_written + rows_quarantined + rows_duplicate)
);
CREATE INDEX exports_period ON exports (tenant_id, profile, period_from, period_to) WHERE status = 'completed';

-- The state machine of an export, held by the database too.
CREATE FUNCTION check_export_transition() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.status <> OLD.status AND (OLD.status, NEW.status) NOT IN (
        ('pending', 'running'), ('pending', 'cancelled'), ('pending', 'failed'),
        ('running', 'completed'), ('running', 'failed'), ('running', 'cancelled'),
        ('failed', 'pending'), ('cancelled', 'pending'), ('completed', 'expired')
    ) THEN
        RAISE EXCEPTION 'an export can''t go from % to %', OLD.status, NEW.status USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER exports_transition BEFORE UPDATE OF status ON exports
FOR EACH ROW EXECUTE FUNCTION check_export_transition();

-- The durable result of a stage: a retry skips what is here.
CREATE TABLE checkpoints (
    tenant_id uuid NOT NULL,
    export_id uuid NOT NULL,
    stage text NOT NULL CHECK (stage IN ('querying', 'mapping', 'generating', 'bundling', 'auditing')),
    attempt integer NOT NULL,
    result jsonb NOT NULL,
    completed_at timestamptz NOT NULL DEFAULT lading_now(),
    PRIMARY KEY (tenant_id, export_id, stage),
    FOREIGN KEY (tenant_id, export_id) REFERENCES exports
);

CREATE TABLE artifacts (
    tenant_id uuid NOT NULL,
    export_id uuid NOT NULL,
    name text NOT NULL CHECK (name <> ''),
    blob_key text NOT NULL,
    media_type text NOT NULL,
    size bigint NOT NULL CHECK (size >= 0),
    digest bytea NOT NULL CHECK (octet_length(digest) = 32),
    attempt integer NOT NULL,
    download_count integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT lading_now(),
    PRIMARY KEY (tenant_id, export_id, name),
    FOREIGN KEY (tenant_id, export_id) REFERENCES exports
);

-- ---------------------------------------------------------------- ledger

-- The outbox: the only part of the ledger that a business transaction touches.
CREATE TABLE ledger_pending (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants,
    subject text NOT NULL,
    type text NOT NULL,
    at timestamptz NOT NULL,
    line bytea NOT NULL CHECK (octet_length(line) BETWEEN 2 AND 65535)
);

CREATE TABLE ledger_trees (
    tenant_id uuid PRIMARY KEY REFERENCES tenants,
    origin text NOT NULL UNIQUE,
    size bigint NOT NULL DEFAULT 0 CHECK (size >= 0),
    frontier bytea NOT NULL DEFAULT '',
    root bytea NOT NULL CHECK (octet_length(root) = 32)
);

-- `line` is the exact leaf; the other columns are copies for finding it and prove nothing.
CREATE TABLE ledger_entries (
    tenant_id uuid NOT NULL REFERENCES tenants,
    index bigint NOT NULL CHECK (index >= 0),
    subject text NOT NULL,
    type text NOT NULL,
    at timestamptz NOT NULL,
    line bytea NOT NULL CHECK (octet_length(line) BETWEEN 2 AND 65535),
    PRIMARY KEY (tenant_id, index)
);
CREATE INDEX ledger_entries_subject ON ledger_entries (tenant_id, subject, index);

CREATE TABLE signed_heads (
    tenant_id uuid NOT NULL REFERENCES tenants,
    size bigint NOT NULL,
    root bytea NOT NULL CHECK (octet_length(root) = 32),
    note text NOT NULL,
    signed_at timestamptz NOT NULL DEFAULT lading_now(),
    PRIMARY KEY (tenant_id, size)
);

CREATE TRIGGER ledger_entries_append_only BEFORE UPDATE OR DELETE ON ledger_entries
FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER ledger_entries_kept BEFORE TRUNCATE ON ledger_entries
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER signed_heads_append_only BEFORE UPDATE OR DELETE ON signed_heads
FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER signed_heads_kept BEFORE TRUNCATE ON signed_heads
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER ledger_pending_unchanged BEFORE UPDATE ON ledger_pending
FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER ledger_pending_kept BEFORE TRUNCATE ON ledger_pending
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- ---------------------------------------------------------------- who may do what

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY[
        'tenants', 'api_keys', 'sources', 'profiles', 'profile_revisions', 'jobs', 'finished_jobs',
        'finished_jobs_default', 'attempts', 'idempotency_keys', 'exports', 'checkpoints', 'artifacts',
        'ledger_pending', 'ledger_trees', 'ledger_entries', 'signed_heads'
    ] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format(
            'CREATE POLICY tenant ON %I TO lading_app USING (tenant_id = (SELECT current_tenant())) '
            'WITH CHECK (tenant_id = (SELECT current_tenant()))', name);
    END LOOP;
END
$$;

GRANT SELECT ON tenants TO lading_app;
GRANT SELECT, INSERT, UPDATE ON api_keys, sources, profiles TO lading_app;
GRANT SELECT, INSERT ON profile_revisions, idempotency_keys TO lading_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON jobs TO lading_app;
GRANT SELECT, INSERT ON finished_jobs TO lading_app;
GRANT SELECT, INSERT, UPDATE ON attempts, exports TO lading_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON checkpoints, artifacts TO lading_app;
GRANT SELECT, INSERT ON ledger_pending TO lading_app;
GRANT SELECT ON ledger_trees, ledger_entries, signed_heads TO lading_app;
GRANT SELECT ON leases TO lading_app;

-- The system role crosses tenants for these tables and no others.
CREATE POLICY system ON tenants TO lading_system USING (true) WITH CHECK (true);
CREATE POLICY system ON api_keys TO lading_system USING (true) WITH CHECK (true);
CREATE POLICY system ON jobs TO lading_system USING (true) WITH CHECK (true);
CREATE POLICY system ON finished_jobs TO lading_system USING (true) WITH CHECK (true);
CREATE POLICY system ON attempts TO lading_system USING (true) WITH CHECK (true);
CREATE POLICY system ON ledger_pending TO lading_system WITH CHECK (true);
GRANT SELECT, INSERT ON tenants TO lading_system;
GRANT SELECT, INSERT, UPDATE ON api_keys TO lading_system;
GRANT SELECT, INSERT, UPDATE, DELETE ON jobs, leases TO lading_system;
GRANT SELECT, INSERT ON finished_jobs TO lading_system;
GRANT SELECT, INSERT, UPDATE ON attempts TO lading_system;
GRANT INSERT ON ledger_pending TO lading_system;

CREATE POLICY ledger ON tenants FOR SELECT TO lading_ledger USING (true);
CREATE POLICY ledger ON ledger_pending TO lading_ledger USING (true);
CREATE POLICY ledger ON ledger_trees TO lading_ledger USING (true) WITH CHECK (true);
CREATE POLICY ledger ON ledger_entries TO lading_ledger USING (true) WITH CHECK (true);
CREATE POLICY ledger ON signed_heads TO lading_ledger USING (true) WITH CHECK (true);
GRANT SELECT ON tenants TO lading_ledger;
GRANT SELECT, DELETE ON ledger_pending TO lading_ledger;
GRANT SELECT, INSERT, UPDATE ON ledger_trees TO lading_ledger;
GRANT SELECT, INSERT ON ledger_entries, signed_heads TO lading_ledger;
