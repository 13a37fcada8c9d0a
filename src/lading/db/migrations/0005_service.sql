-- The service: who may come in, what policies allow, what runs by the clock, what is told to whom.

-- ---------------------------------------------------------------- access: tenants, keys, members, identity providers

-- A suspended tenant keeps everything and lets nobody in; `pause_id` is the pause that its suspension set.
ALTER TABLE tenants
    ADD COLUMN version bigint NOT NULL DEFAULT 1,
    ADD COLUMN suspended_at timestamptz,
    ADD COLUMN suspend_reason text CHECK (length(suspend_reason) BETWEEN 1 AND 500),
    ADD COLUMN suspend_ticket text CHECK (length(suspend_ticket) <= 60),
    ADD COLUMN pause_id uuid,
    ADD CHECK ((suspended_at IS NULL) = (suspend_reason IS NULL));
GRANT UPDATE (name, version, suspended_at, suspend_reason, suspend_ticket, pause_id) ON tenants TO lading_app;

-- `scopes` NULL means all that the role may; `replaces` is the key that this one was made for by a rotation.
ALTER TABLE api_keys
    ADD COLUMN scopes text[] CHECK (
        cardinality(scopes) > 0
        AND scopes <@ ARRAY['read', 'operate', 'quota', 'backfill', 'export', 'download', 'audit', 'admin', 'worker']
    ),
    ADD COLUMN created_by text NOT NULL DEFAULT 'unknown',
    ADD COLUMN replaces uuid,
    ADD COLUMN revoke_reason text CHECK (length(revoke_reason) BETWEEN 1 AND 500);

-- Whose tokens are believed, and what their claims make of their bearer: for this tenant alone.
CREATE TABLE identity_providers (
    tenant_id uuid NOT NULL REFERENCES tenants,
    name text NOT NULL CHECK (name ~ '^[a-z0-9][a-z0-9_-]{0,62}$'),
    issuer text NOT NULL CHECK (length(issuer) BETWEEN 8 AND 500),
    audience text NOT NULL CHECK (length(audience) BETWEEN 1 AND 255),
    require jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(require) = 'object'),
    roles jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(roles) = 'array'),
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT lading_now(),
    updated_at timestamptz NOT NULL DEFAULT lading_now(),
    PRIMARY KEY (tenant_id, name),
    UNIQUE (tenant_id, issuer, audience)
);
CREATE INDEX identity_providers_issuer ON identity_providers (issuer);

-- People of a tenant.  Who was removed stays, without e-mail and name, so that claims do not let them in again.
CREATE TABLE members (
    tenant_id uuid NOT NULL REFERENCES tenants,
    id uuid NOT NULL,
    issuer text CHECK (length(issuer) BETWEEN 8 AND 500),
    subject text CHECK (length(subject) BETWEEN 1 AND 255),
    email text CHECK (length(email) BETWEEN 3 AND 254 AND email = lower(email)),
    name text CHECK (length(name) BETWEEN 1 AND 200),
    role text NOT NULL CHECK (role IN ('viewer', 'requester', 'operator', 'quota', 'auditor', 'admin', 'worker')),
    is_claimed boolean NOT NULL DEFAULT false,
    version bigint NOT NULL DEFAULT 1,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT lading_now(),
    joined_at timestamptz,
    last_seen_at timestamptz,
    removed_at timestamptz,
    PRIMARY KEY (tenant_id, id),
    CHECK ((issuer IS NULL) = (subject IS NULL)),
    CHECK (removed_at IS NOT NULL OR subject IS NOT NULL OR email IS NOT NULL),
    CHECK (removed_at IS NULL OR (email IS NULL AND name IS NULL)),
    CHECK (joined_at IS NULL OR subject IS NOT NULL)
);
CREATE UNIQUE INDEX members_subject ON members (tenant_id, issuer, subject);
CREATE UNIQUE INDEX members_email ON members (tenant_id, email) WHERE removed_at IS NULL;
CREATE INDEX members_person ON members (issuer, subject);

-- When the ledger was last told that somebody was not let in: a flood of bad tokens must not fill it.
CREATE TABLE login_refusals (
    tenant_id uuid NOT NULL REFERENCES tenants,
    subject text NOT NULL CHECK (length(subject) BETWEEN 1 AND 200),
    reason text NOT NULL CHECK (length(reason) BETWEEN 1 AND 60),
    noted_at timestamptz NOT NULL DEFAULT lading_now(),
    PRIMARY KEY (tenant_id, subject, reason)
);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['identity_providers', 'members', 'login_refusals'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format(
            'CREATE POLICY tenant ON %I TO lading_app USING (tenant_id = (SELECT current_tenant())) '
            'WITH CHECK (tenant_id = (SELECT current_tenant()))', name);
    END LOOP;
END
$$;
-- Who brings a token names no tenant yet: providers and people are looked up across tenants, as keys are.
CREATE POLICY system ON identity_providers FOR SELECT TO lading_system USING (true);
CREATE POLICY system ON members FOR SELECT TO lading_system USING (true);
GRANT SELECT ON identity_providers, members TO lading_system;
GRANT SELECT, INSERT, UPDATE, DELETE ON identity_providers TO lading_app;
GRANT SELECT, INSERT, UPDATE ON members, login_refusals TO lading_app;

-- ---------------------------------------------------------------- retention, holds, downloads

-- How long completed exports are kept: the rule of the profile, else of the type, else of the tenant, else the setting.
CREATE TABLE retention_rules (
    tenant_id uuid NOT NULL REFERENCES tenants,
    scope text NOT NULL CHECK (scope IN ('profile', 'type', 'tenant')),
    target text NOT NULL CHECK ((scope = 'tenant') = (target = '') AND length(target) <= 100),
    days integer NOT NULL CHECK (days BETWEEN 1 AND 36500),
    reason text NOT NULL CHECK (length(reason) BETWEEN 1 AND 500),
    ticket text CHECK (length(ticket) <= 60),
    version bigint NOT NULL DEFAULT 1,
    set_at timestamptz NOT NULL DEFAULT lading_now(),
    set_by text NOT NULL,
    PRIMARY KEY (tenant_id, scope, target)
);

CREATE FUNCTION retention_days(of_tenant uuid, of_profile text, of_type text, otherwise integer) RETURNS integer
LANGUAGE sql STABLE AS $$
    SELECT coalesce(
        (SELECT days FROM retention_rules WHERE tenant_id = of_tenant AND scope = 'profile' AND target = of_profile),
        (SELECT days FROM retention_rules WHERE tenant_id = of_tenant AND scope = 'type' AND target = of_type),
        (SELECT days FROM retention_rules WHERE tenant_id = of_tenant AND scope = 'tenant'),
        otherwise
    )
$$;

-- What may not be removed until somebody says so: one export, or all that a filter matches, also those to come.
CREATE TABLE holds (
    tenant_id uuid NOT NULL REFERENCES tenants,
    id uuid NOT NULL,
    export_id uuid,
    profile text CHECK (length(profile) BETWEEN 1 AND 100),
    type text CHECK (length(type) BETWEEN 1 AND 100),
    requested_by text CHECK (length(requested_by) BETWEEN 1 AND 100),
    period_from date,
    period_to date,
    reason text NOT NULL CHECK (length(reason) BETWEEN 1 AND 500),
    ticket text CHECK (length(ticket) <= 60),
    placed_at timestamptz NOT NULL DEFAULT lading_now(),
    placed_by text NOT NULL,
    lifted_at timestamptz,
    lifted_by text,
    lift_reason text CHECK (length(lift_reason) BETWEEN 1 AND 500),
    lift_ticket text CHECK (length(lift_ticket) <= 60),
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, export_id) REFERENCES exports,
    CHECK ((export_id IS NULL) = (num_nonnulls(profile, type, requested_by, period_from, period_to) > 0)),
    CHECK (period_from <= period_to),
    CHECK (num_nulls(lifted_at, lifted_by, lift_reason) IN (0, 3))
);
CREATE INDEX holds_active ON holds (tenant_id, id) WHERE lifted_at IS NULL;

-- Which holds keep which exports now.  A period matches when it overlaps; a bound that is left out is open.
CREATE VIEW held WITH (security_invoker = true) AS
SELECT exports.tenant_id, exports.id AS export_id, holds.id AS hold_id, holds.ticket
FROM holds
JOIN exports ON exports.tenant_id = holds.tenant_id
    AND (holds.export_id IS NULL OR exports.id = holds.export_id)
    AND (holds.profile IS NULL OR exports.profile = holds.profile)
    AND (holds.type IS NULL OR exports.type = holds.type)
    AND (holds.requested_by IS NULL OR exports.requested_by = holds.requested_by)
    AND (holds.period_from IS NULL OR exports.period_to >= holds.period_from)
    AND (holds.period_to IS NULL OR exports.period_from <= holds.period_to)
WHERE holds.lifted_at IS NULL;

-- A file on its way to somebody.  Whoever hands it out renews `held_until`; one that ran out is of a process that died.
CREATE TABLE handouts (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    export_id uuid NOT NULL,
    held_until timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, export_id) REFERENCES exports
);
CREATE INDEX handouts_export ON handouts (tenant_id, export_id);

-- Extracts of the ledger are by time; entries of one instant are sorted when they are read.
CREATE INDEX ledger_entries_at ON ledger_entries (tenant_id, at);

-- What is due is looked for every minute; what runs is asked whether it reads what is due.
CREATE INDEX exports_due ON exports (tenant_id, expires_at, id) WHERE status = 'completed' AND deleted_at IS NULL;
CREATE INDEX exports_open ON exports (tenant_id) WHERE status IN ('pending', 'running') AND deleted_at IS NULL;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['retention_rules', 'holds', 'handouts'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format(
            'CREATE POLICY tenant ON %I TO lading_app USING (tenant_id = (SELECT current_tenant())) '
            'WITH CHECK (tenant_id = (SELECT current_tenant()))', name);
    END LOOP;
END
$$;
GRANT SELECT, INSERT, UPDATE, DELETE ON retention_rules, handouts TO lading_app;
GRANT SELECT, INSERT, UPDATE ON holds TO lading_app;
GRANT SELECT ON held TO lading_app;

-- ---------------------------------------------------------------- schedules

-- What is made by the clock.  `next_at` is the next slot to be decided, NULL while it is paused or when none follows;
-- slots before `decided_to` are decided.  `tzdata` is the edition of the time zone database that told it.  The owner is
-- whoever changed it last: policies judge what it makes by that role.
CREATE TABLE schedules (
    tenant_id uuid NOT NULL REFERENCES tenants,
    id uuid NOT NULL,
    name text NOT NULL CHECK (name ~ '^[a-z0-9][a-z0-9_-]{0,62}$'),
    cron text NOT NULL CHECK (length(cron) BETWEEN 1 AND 200),
    zone text NOT NULL CHECK (length(zone) BETWEEN 1 AND 64),
    kind text NOT NULL CHECK (length(kind) BETWEEN 1 AND 60),
    payload jsonb NOT NULL CHECK (jsonb_typeof(payload) = 'object'),
    period text,
    source text NOT NULL DEFAULT '',
    priority integer NOT NULL DEFAULT 0 CHECK (priority BETWEEN -100 AND 100),
    max_attempts integer CHECK (max_attempts BETWEEN 1 AND 100),
    deadline_seconds integer CHECK (deadline_seconds BETWEEN 1 AND 604800),
    catch_up text NOT NULL CHECK (catch_up IN ('latest', 'all', 'skip')),
    overlap text NOT NULL CHECK (overlap IN ('skip', 'queue', 'cancel_previous', 'allow')),
    starts_at timestamptz,
    ends_at timestamptz CHECK (ends_at > starts_at),
    owner_kind text NOT NULL,
    owner_id text NOT NULL,
    owner uuid NOT NULL,
    owner_role text NOT NULL,
    paused_at timestamptz,
    paused_by text,
    pause_reason text CHECK (length(pause_reason) BETWEEN 1 AND 500),
    pause_ticket text CHECK (length(pause_ticket) <= 60),
    next_at timestamptz,
    decided_to timestamptz NOT NULL,
    tzdata text NOT NULL CHECK (tzdata ~ '^[0-9]+(\.[0-9]+)*$'),
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT lading_now(),
    updated_at timestamptz NOT NULL DEFAULT lading_now(),
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, name),
    CHECK ((paused_at IS NULL) = (pause_reason IS NULL)),
    CHECK (paused_at IS NULL OR next_at IS NULL),
    CHECK (next_at > decided_to)
);
CREATE INDEX schedules_due ON schedules (next_at) WHERE next_at IS NOT NULL;

-- What became of each slot: the key lets any number of schedulers decide it once.  A row `skipped` may stand for many,
-- `missed` of them (at most 1000 are counted) from `since` to `slot`.
CREATE TABLE schedule_slots (
    tenant_id uuid NOT NULL,
    schedule_id uuid NOT NULL,
    slot timestamptz NOT NULL,
    local text NOT NULL CHECK (length(local) <= 40),
    outcome text NOT NULL CHECK (outcome IN ('waiting', 'fired', 'skipped', 'failed')),
    is_manual boolean NOT NULL DEFAULT false,
    is_late boolean NOT NULL DEFAULT false,
    code text CHECK (length(code) <= 60),
    message text CHECK (length(message) <= 500),
    since timestamptz CHECK (since < slot),
    missed integer NOT NULL DEFAULT 1 CHECK (missed BETWEEN 1 AND 1000),
    job_id uuid NOT NULL,
    subject text,
    decided_at timestamptz NOT NULL DEFAULT lading_now(),
    PRIMARY KEY (tenant_id, schedule_id, slot),
    FOREIGN KEY (tenant_id, schedule_id) REFERENCES schedules ON DELETE CASCADE,
    CHECK ((outcome = 'fired') = (subject IS NOT NULL)),
    CHECK ((outcome IN ('skipped', 'failed')) = (code IS NOT NULL))
);
CREATE INDEX schedule_slots_made ON schedule_slots (tenant_id, schedule_id, slot) WHERE outcome IN ('fired', 'failed');
CREATE INDEX schedule_slots_waiting ON schedule_slots (tenant_id, schedule_id, slot) WHERE outcome = 'waiting';
CREATE INDEX schedule_slots_job ON schedule_slots (tenant_id, job_id);
CREATE INDEX schedule_slots_old ON schedule_slots (decided_at);

ALTER TABLE exports ADD COLUMN schedule_id uuid;
CREATE INDEX exports_schedule ON exports (tenant_id, schedule_id, id) WHERE schedule_id IS NOT NULL;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['schedules', 'schedule_slots'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format(
            'CREATE POLICY tenant ON %I TO lading_app USING (tenant_id = (SELECT current_tenant())) '
            'WITH CHECK (tenant_id = (SELECT current_tenant()))', name);
        EXECUTE format('CREATE POLICY system ON %I TO lading_system USING (true)', name);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO lading_app', name);
        EXECUTE format('GRANT SELECT ON %I TO lading_system', name);
    END LOOP;
END
$$;
GRANT DELETE ON schedule_slots TO lading_system;

-- Slots with the state of their job, NULL where there is none (any more).
CREATE VIEW slots_seen WITH (security_invoker = true) AS
SELECT
    s.*,
    coalesce(
        (SELECT j.state FROM jobs AS j WHERE j.tenant_id = s.tenant_id AND j.id = s.job_id),
        (
            SELECT f.state FROM finished_jobs AS f WHERE f.tenant_id = s.tenant_id AND f.id = s.job_id
            ORDER BY f.finished_at DESC
            LIMIT 1
        )
    ) AS state
FROM schedule_slots AS s;
GRANT SELECT ON slots_seen TO lading_app;

-- Schedules with how many of their newest slots (of ten) came to nothing, one after the other, and how many wait.
CREATE VIEW schedules_seen WITH (security_invoker = true) AS
SELECT
    s.*,
    f.failures,
    f.failure,
    (
        SELECT count(*) FROM schedule_slots AS w
        WHERE w.tenant_id = s.tenant_id AND w.schedule_id = s.id AND w.outcome = 'waiting'
    ) AS waiting
FROM schedules AS s
CROSS JOIN LATERAL (
    SELECT
        count(*) FILTER (WHERE is_unbroken) AS failures,
        min(code) FILTER (WHERE is_unbroken AND place = 1) AS failure
    FROM (
        SELECT
            coalesce(t.code, t.state) AS code,
            bool_and(t.outcome = 'failed' OR t.state = 'dead') OVER earlier AS is_unbroken,
            row_number() OVER earlier AS place
        FROM (
            SELECT n.slot, n.outcome, n.code, n.state
            FROM slots_seen AS n
            WHERE n.tenant_id = s.tenant_id AND n.schedule_id = s.id AND n.outcome IN ('fired', 'failed')
            ORDER BY n.slot DESC
            LIMIT 10
        ) AS t
        WHERE t.outcome = 'failed' OR t.state IN ('completed', 'dead')
        WINDOW earlier AS (ORDER BY t.slot DESC)
    ) AS newest
) AS f;
GRANT SELECT ON schedules_seen TO lading_app;

-- ---------------------------------------------------------------- policies, approvals, call quotas

-- What may be exported: numbered revisions that never change, one of them active or, where it was switched off, none.
CREATE TABLE policies (
    tenant_id uuid NOT NULL REFERENCES tenants,
    name text NOT NULL CHECK (name ~ '^[a-z0-9][a-z0-9_-]{0,49}$'),
    active_revision integer,
    version bigint NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT lading_now(),
    PRIMARY KEY (tenant_id, name)
);
CREATE TABLE policy_revisions (
    tenant_id uuid NOT NULL,
    name text NOT NULL,
    revision integer NOT NULL CHECK (revision > 0),
    document jsonb NOT NULL CHECK (jsonb_typeof(document) = 'object'),
    digest bytea NOT NULL CHECK (octet_length(digest) = 32),
    created_at timestamptz NOT NULL DEFAULT lading_now(),
    created_by text NOT NULL,
    PRIMARY KEY (tenant_id, name, revision),
    UNIQUE (tenant_id, name, digest),
    FOREIGN KEY (tenant_id, name) REFERENCES policies
);
ALTER TABLE policies
    ADD FOREIGN KEY (tenant_id, name, active_revision) REFERENCES policy_revisions (tenant_id, name, revision);
CREATE TRIGGER policy_revisions_immutable BEFORE UPDATE OR DELETE ON policy_revisions
FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER policy_revisions_kept BEFORE TRUNCATE ON policy_revisions
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TABLE policy_activations (
    tenant_id uuid NOT NULL,
    name text NOT NULL,
    version bigint NOT NULL,
    revision integer,
    is_rollback boolean NOT NULL DEFAULT false,
    activated_at timestamptz NOT NULL DEFAULT lading_now(),
    activated_by text NOT NULL,
    reason text CHECK (length(reason) BETWEEN 1 AND 500),
    ticket text CHECK (length(ticket) <= 60),
    PRIMARY KEY (tenant_id, name, version),
    FOREIGN KEY (tenant_id, name, revision) REFERENCES policy_revisions (tenant_id, name, revision)
);

-- As whom and when an export was last asked for is what policies judge when it runs; NULL (asked before there were any)
-- is judged by every rule, as of its creation.  `approval` is where a second person's word stands.
ALTER TABLE exports
    ADD COLUMN asked_role text,
    ADD COLUMN asked_at timestamptz,
    ADD COLUMN approval text CHECK (approval IN ('pending', 'approved', 'rejected', 'expired', 'withdrawn'));
CREATE INDEX exports_unapproved ON exports (tenant_id, job_id) WHERE approval = 'pending';
CREATE INDEX exports_waiting ON exports (tenant_id) WHERE status = 'pending';

-- The second person's word: which rules ask for it, who may give it, until when, and who did.  One that an export asks
-- for again replaces the one before; the ledger keeps both.
CREATE TABLE approvals (
    tenant_id uuid NOT NULL,
    export_id uuid NOT NULL,
    rules jsonb NOT NULL CHECK (jsonb_typeof(rules) = 'array'),
    roles text[] NOT NULL CHECK (cardinality(roles) > 0),
    asked_by text NOT NULL,
    asked_at timestamptz NOT NULL DEFAULT lading_now(),
    expires_at timestamptz NOT NULL,
    decided_by text,
    decided_role text,
    decided_at timestamptz,
    reason text CHECK (length(reason) BETWEEN 1 AND 500),
    ticket text CHECK (length(ticket) <= 60),
    PRIMARY KEY (tenant_id, export_id),
    FOREIGN KEY (tenant_id, export_id) REFERENCES exports,
    CHECK ((decided_at IS NULL) = (decided_by IS NULL))
);

-- How many calls of the export API, and how many exports, a tenant has: over it, the answer is 429.  The counts are those
-- of the hour and the day that began last, and stand beside the limits so that one lock makes them exact.
CREATE TABLE call_quotas (
    tenant_id uuid NOT NULL REFERENCES tenants,
    name text NOT NULL CHECK (name IN ('export-calls', 'exports')),
    max_per_hour integer CHECK (max_per_hour >= 0),
    max_per_day integer CHECK (max_per_day >= 0),
    max_waiting integer CHECK (max_waiting IS NULL OR (max_waiting >= 0 AND name = 'exports')),
    hour_at timestamptz NOT NULL DEFAULT '-infinity',
    hour_used bigint NOT NULL DEFAULT 0,
    day_at timestamptz NOT NULL DEFAULT '-infinity',
    day_used bigint NOT NULL DEFAULT 0,
    reason text,
    ticket text,
    version bigint NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant_id, name),
    CHECK (num_nonnulls(max_per_hour, max_per_day, max_waiting) > 0)
);

-- Count `wanted` calls and return how the quota stands then; no row where there is none.  Whoever finds it exceeded rolls
-- back.  A function, because what waits must be counted by a statement that begins when the lock is held.
CREATE FUNCTION take_call_quota(the_tenant uuid, the_name text, wanted integer)
RETURNS TABLE (
    max_per_hour integer, max_per_day integer, max_waiting integer, hour_used bigint, day_used bigint, waiting bigint,
    hour_seconds float8, day_seconds float8
)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    held call_quotas;
    this_hour timestamptz := date_trunc('hour', lading_now(), 'UTC');
    this_day timestamptz := date_trunc('day', lading_now(), 'UTC');
    waits bigint := 0;
BEGIN
    SELECT * INTO held FROM call_quotas WHERE tenant_id = the_tenant AND name = the_name FOR UPDATE;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    -- A transaction that began before the hour did, and got the lock after one of the new hour, counts in the new one.
    held.hour_used := CASE WHEN held.hour_at < this_hour THEN 0 ELSE held.hour_used END + wanted;
    held.day_used := CASE WHEN held.day_at < this_day THEN 0 ELSE held.day_used END + wanted;
    held.hour_at := greatest(held.hour_at, this_hour);
    held.day_at := greatest(held.day_at, this_day);
    UPDATE call_quotas
    SET hour_at = held.hour_at, hour_used = held.hour_used, day_at = held.day_at, day_used = held.day_used
    WHERE tenant_id = the_tenant AND name = the_name;
    IF held.max_waiting IS NOT NULL THEN
        SELECT count(*) INTO waits FROM (
            SELECT FROM exports
            WHERE exports.tenant_id = the_tenant AND exports.status = 'pending' AND exports.deleted_at IS NULL
            LIMIT held.max_waiting + 1
        ) AS counted;
    END IF;
    RETURN QUERY SELECT held.max_per_hour, held.max_per_day, held.max_waiting, held.hour_used, held.day_used, waits,
        extract(epoch FROM held.hour_at + interval '1 hour' - lading_now())::float8,
        extract(epoch FROM held.day_at + interval '1 day' - lading_now())::float8;
END
$$;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['policies', 'policy_revisions', 'policy_activations', 'approvals', 'call_quotas'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format(
            'CREATE POLICY tenant ON %I TO lading_app USING (tenant_id = (SELECT current_tenant())) '
            'WITH CHECK (tenant_id = (SELECT current_tenant()))', name);
    END LOOP;
END
$$;
GRANT SELECT, INSERT, UPDATE ON policies, approvals TO lading_app;
GRANT SELECT, INSERT ON policy_revisions, policy_activations TO lading_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON call_quotas TO lading_app;

-- ---------------------------------------------------------------- webhooks

-- Who is called when something happens.  `place` is the id of the last event that was decided for it, advanced in the
-- transaction that puts the calls in the queue.  Secrets are sealed with a key that is not in the database.
CREATE TABLE webhooks (
    tenant_id uuid NOT NULL REFERENCES tenants,
    id uuid NOT NULL,
    url text NOT NULL CHECK (length(url) BETWEEN 8 AND 2000),
    topics text[] NOT NULL DEFAULT '{}' CHECK (cardinality(topics) <= 20),
    types text[] NOT NULL DEFAULT '{}' CHECK (cardinality(types) <= 50),
    format text NOT NULL DEFAULT 'standard' CHECK (format IN ('standard', 'cloudevents')),
    description text NOT NULL DEFAULT '' CHECK (length(description) <= 200),
    timeout_seconds integer NOT NULL DEFAULT 15 CHECK (timeout_seconds BETWEEN 1 AND 30),
    is_enabled boolean NOT NULL DEFAULT true,
    disabled_because text CHECK (disabled_because IN ('asked', 'gone', 'failing')),
    secret bytea NOT NULL CHECK (octet_length(secret) BETWEEN 40 AND 200),
    old_secret bytea CHECK (octet_length(old_secret) BETWEEN 40 AND 200),
    old_until timestamptz,
    place bigint NOT NULL CHECK (place >= 0),
    failing_since timestamptz,
    version bigint NOT NULL DEFAULT 1,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT lading_now(),
    updated_at timestamptz NOT NULL DEFAULT lading_now(),
    PRIMARY KEY (tenant_id, id),
    CHECK (cardinality(topics) + cardinality(types) > 0),
    CHECK ((old_secret IS NULL) = (old_until IS NULL)),
    CHECK (is_enabled = (disabled_because IS NULL))
);

-- What was told to whom: an event on its way to a webhook.  The id is the same for every attempt; `event_id` is NULL for
-- a test.
CREATE TABLE webhook_messages (
    tenant_id uuid NOT NULL REFERENCES tenants,
    id uuid NOT NULL,
    webhook_id uuid NOT NULL,
    event_id bigint CHECK (event_id > 0),
    type text NOT NULL,
    subject text NOT NULL,
    state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'delivered', 'failed', 'cancelled')),
    job_id uuid NOT NULL,
    attempts integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    status integer CHECK (status BETWEEN 100 AND 999),
    error text CHECK (length(error) <= 300),
    created_at timestamptz NOT NULL DEFAULT lading_now(),
    tried_at timestamptz,
    ended_at timestamptz,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, webhook_id) REFERENCES webhooks ON DELETE CASCADE,
    CHECK ((state = 'pending') = (ended_at IS NULL))
);
CREATE UNIQUE INDEX webhook_messages_event ON webhook_messages (tenant_id, webhook_id, event_id);
CREATE INDEX webhook_messages_log ON webhook_messages (tenant_id, webhook_id, id);
CREATE INDEX webhook_messages_pending ON webhook_messages (tenant_id, webhook_id) WHERE state = 'pending';

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['webhooks', 'webhook_messages'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format(
            'CREATE POLICY tenant ON %I TO lading_app USING (tenant_id = (SELECT current_tenant())) '
            'WITH CHECK (tenant_id = (SELECT current_tenant()))', name);
    END LOOP;
END
$$;
-- Whoever integrates the ledger looks which webhooks have something to tell.
CREATE POLICY ledger ON webhooks FOR SELECT TO lading_ledger USING (true);
GRANT SELECT ON webhooks TO lading_ledger;
GRANT SELECT, INSERT, UPDATE, DELETE ON webhooks TO lading_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON webhook_messages TO lading_app;
