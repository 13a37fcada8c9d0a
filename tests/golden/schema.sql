CREATE FUNCTION public.check_export_transition() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION public.current_tenant() RETURNS uuid
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN (NULLIF(current_setting('lading.tenant'::text, true), ''::text))::uuid;

CREATE FUNCTION public.drop_history_before(instant timestamp with time zone) RETURNS TABLE(partition text, jobs bigint)
    LANGUAGE plpgsql
    SET lock_timeout TO '500ms'
    AS $_$
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
$_$;

CREATE FUNCTION public.lading_now() RETURNS timestamp with time zone
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN COALESCE((NULLIF(current_setting('lading.now'::text, true), ''::text))::timestamp with time zone, now());

CREATE FUNCTION public.make_history_partition(of_month date, movable integer) RETURNS boolean
    LANGUAGE plpgsql
    SET lock_timeout TO '500ms'
    AS $$
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

CREATE FUNCTION public.refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE EXCEPTION '% on % is refused: its rows are append-only', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE FUNCTION public.refuse_to_shrink() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF new.size < old.size OR new.epoch < old.epoch OR new.base < old.base OR new.min_index < old.min_index
       OR (new.epoch = old.epoch AND (new.base <> old.base OR new.origin <> old.origin)) THEN
        RAISE EXCEPTION 'UPDATE on ledger_trees is refused: a tree only grows'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN new;
END
$$;

CREATE FUNCTION public.refuse_unless_pruned() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF old.index < (SELECT min_index FROM ledger_trees WHERE tenant_id = old.tenant_id) THEN
        RETURN old;
    END IF;
    RAISE EXCEPTION 'DELETE on ledger_entries is refused: its rows are append-only'
        USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE FUNCTION public.retention_days(of_tenant uuid, of_profile text, of_type text, otherwise integer) RETURNS integer
    LANGUAGE sql STABLE
    AS $$
    SELECT coalesce(
        (SELECT days FROM retention_rules WHERE tenant_id = of_tenant AND scope = 'profile' AND target = of_profile),
        (SELECT days FROM retention_rules WHERE tenant_id = of_tenant AND scope = 'type' AND target = of_type),
        (SELECT days FROM retention_rules WHERE tenant_id = of_tenant AND scope = 'tenant'),
        otherwise
    )
$$;

CREATE FUNCTION public.take_call_quota(the_tenant uuid, the_name text, wanted integer) RETURNS TABLE(max_per_hour integer, max_per_day integer, max_waiting integer, hour_used bigint, day_used bigint, waiting bigint, hour_seconds double precision, day_seconds double precision)
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION public.wake_after_delete() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION public.wake_after_insert() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION public.wake_after_update() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
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

CREATE TABLE public.allocations (
    tenant_id uuid NOT NULL,
    strategy text NOT NULL,
    weight integer DEFAULT 1 NOT NULL,
    priority integer DEFAULT 0 NOT NULL,
    reserved integer DEFAULT 0 NOT NULL,
    max_active integer,
    max_queued integer,
    reason text,
    ticket text,
    version bigint DEFAULT 1 NOT NULL,
    CONSTRAINT allocations_check CHECK (((strategy = 'max_limit'::text) = (max_active IS NOT NULL))),
    CONSTRAINT allocations_max_active_check CHECK ((max_active >= 0)),
    CONSTRAINT allocations_max_queued_check CHECK ((max_queued >= 0)),
    CONSTRAINT allocations_priority_check CHECK (((priority >= '-100'::integer) AND (priority <= 100))),
    CONSTRAINT allocations_reserved_check CHECK ((reserved >= 0)),
    CONSTRAINT allocations_strategy_check CHECK ((strategy = ANY (ARRAY['unlimited'::text, 'proportional'::text, 'priority'::text, 'reserved'::text, 'max_limit'::text]))),
    CONSTRAINT allocations_weight_check CHECK (((weight >= 1) AND (weight <= 1000)))
);

ALTER TABLE ONLY public.allocations FORCE ROW LEVEL SECURITY;

CREATE TABLE public.api_keys (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    name text NOT NULL,
    role text NOT NULL,
    secret_digest bytea NOT NULL,
    created_at timestamp with time zone DEFAULT public.lading_now() NOT NULL,
    expires_at timestamp with time zone,
    revoked_at timestamp with time zone,
    last_used_at timestamp with time zone,
    scopes text[],
    created_by text DEFAULT 'unknown'::text NOT NULL,
    replaces uuid,
    revoke_reason text,
    CONSTRAINT api_keys_revoke_reason_check CHECK (((length(revoke_reason) >= 1) AND (length(revoke_reason) <= 500))),
    CONSTRAINT api_keys_role_check CHECK ((role = ANY (ARRAY['viewer'::text, 'requester'::text, 'operator'::text, 'quota'::text, 'auditor'::text, 'admin'::text, 'worker'::text]))),
    CONSTRAINT api_keys_scopes_check CHECK (((cardinality(scopes) > 0) AND (scopes <@ ARRAY['read'::text, 'operate'::text, 'quota'::text, 'backfill'::text, 'export'::text, 'download'::text, 'audit'::text, 'admin'::text, 'worker'::text]))),
    CONSTRAINT api_keys_secret_digest_check CHECK ((octet_length(secret_digest) = 32))
);

ALTER TABLE ONLY public.api_keys FORCE ROW LEVEL SECURITY;

CREATE TABLE public.approvals (
    tenant_id uuid NOT NULL,
    export_id uuid NOT NULL,
    rules jsonb NOT NULL,
    roles text[] NOT NULL,
    asked_by text NOT NULL,
    asked_at timestamp with time zone DEFAULT public.lading_now() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    decided_by text,
    decided_role text,
    decided_at timestamp with time zone,
    reason text,
    ticket text,
    CONSTRAINT approvals_check CHECK (((decided_at IS NULL) = (decided_by IS NULL))),
    CONSTRAINT approvals_reason_check CHECK (((length(reason) >= 1) AND (length(reason) <= 500))),
    CONSTRAINT approvals_roles_check CHECK ((cardinality(roles) > 0)),
    CONSTRAINT approvals_rules_check CHECK ((jsonb_typeof(rules) = 'array'::text)),
    CONSTRAINT approvals_ticket_check CHECK ((length(ticket) <= 60))
);

ALTER TABLE ONLY public.approvals FORCE ROW LEVEL SECURITY;

CREATE TABLE public.artifacts (
    tenant_id uuid NOT NULL,
    export_id uuid NOT NULL,
    name text NOT NULL,
    blob_key text,
    media_type text NOT NULL,
    size bigint NOT NULL,
    digest bytea NOT NULL,
    attempt integer NOT NULL,
    download_count integer DEFAULT 0 NOT NULL,
    created_at timestamp with time zone DEFAULT public.lading_now() NOT NULL,
    job_id uuid,
    lease_id uuid,
    source text,
    inputs jsonb DEFAULT '[]'::jsonb NOT NULL,
    object_state text,
    CONSTRAINT artifacts_check CHECK (((object_state IS NULL) = (blob_key IS NOT NULL))),
    CONSTRAINT artifacts_digest_check CHECK ((octet_length(digest) = 32)),
    CONSTRAINT artifacts_name_check CHECK ((name <> ''::text)),
    CONSTRAINT artifacts_object_state_check CHECK ((object_state = 'live'::text)),
    CONSTRAINT artifacts_size_check CHECK ((size >= 0))
);

ALTER TABLE ONLY public.artifacts FORCE ROW LEVEL SECURITY;

CREATE TABLE public.attempts (
    tenant_id uuid NOT NULL,
    job_id uuid NOT NULL,
    attempt integer NOT NULL,
    lease_id uuid NOT NULL,
    worker text NOT NULL,
    started_at timestamp with time zone DEFAULT public.lading_now() NOT NULL,
    ended_at timestamp with time zone,
    outcome text,
    error jsonb,
    batch_id uuid,
    CONSTRAINT attempts_outcome_check CHECK ((outcome = ANY (ARRAY['completed'::text, 'failed'::text, 'timed_out'::text, 'lost'::text, 'cancelled'::text, 'snoozed'::text, 'released'::text])))
);

ALTER TABLE ONLY public.attempts FORCE ROW LEVEL SECURITY;

CREATE TABLE public.breakers (
    tenant_id uuid NOT NULL,
    host text NOT NULL,
    state text DEFAULT 'closed'::text NOT NULL,
    failures integer DEFAULT 0 NOT NULL,
    cooldown_seconds double precision DEFAULT 30 NOT NULL,
    retry_at timestamp with time zone,
    probe_until timestamp with time zone,
    changed_at timestamp with time zone DEFAULT public.lading_now() NOT NULL,
    CONSTRAINT breakers_check CHECK (((state = 'open'::text) = (retry_at IS NOT NULL))),
    CONSTRAINT breakers_check1 CHECK (((state = 'half_open'::text) OR (probe_until IS NULL))),
    CONSTRAINT breakers_cooldown_seconds_check CHECK ((cooldown_seconds > (0)::double precision)),
    CONSTRAINT breakers_failures_check CHECK ((failures >= 0)),
    CONSTRAINT breakers_state_check CHECK ((state = ANY (ARRAY['closed'::text, 'open'::text, 'half_open'::text])))
)
WITH (fillfactor='50');

ALTER TABLE ONLY public.breakers FORCE ROW LEVEL SECURITY;

CREATE TABLE public.buckets (
    tenant_id uuid NOT NULL,
    host text NOT NULL,
    rate double precision NOT NULL,
    burst double precision NOT NULL,
    tokens double precision NOT NULL,
    refilled_at timestamp with time zone DEFAULT public.lading_now() NOT NULL,
    version bigint DEFAULT 1 NOT NULL,
    factor double precision DEFAULT 1 NOT NULL,
    adapted_at timestamp with time zone,
    blocked_until timestamp with time zone,
    is_learnt boolean DEFAULT false NOT NULL,
    reason text,
    ticket text,
    CONSTRAINT buckets_burst_check CHECK (((burst >= (1)::double precision) AND (burst <= (1000000)::double precision))),
    CONSTRAINT buckets_check CHECK ((tokens <= burst)),
    CONSTRAINT buckets_factor_check CHECK (((factor > (0)::double precision) AND (factor <= (1)::double precision))),
    CONSTRAINT buckets_rate_check CHECK (((rate > (0)::double precision) AND (rate <= (1000000)::double precision))),
    CONSTRAINT buckets_tokens_check CHECK ((tokens >= (0)::double precision))
)
WITH (fillfactor='50');

ALTER TABLE ONLY public.buckets FORCE ROW LEVEL SECURITY;

CREATE TABLE public.call_quotas (
    tenant_id uuid NOT NULL,
    name text NOT NULL,
    max_per_hour integer,
    max_per_day integer,
    max_waiting integer,
    hour_at timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
    hour_used bigint DEFAULT 0 NOT NULL,
    day_at timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
    day_used bigint DEFAULT 0 NOT NULL,
    reason text,
    ticket text,
    version bigint DEFAULT 1 NOT NULL,
    CONSTRAINT call_quotas_check CHECK (((max_waiting IS NULL) OR ((max_waiting >= 0) AND (name = 'exports'::text)))),
    CONSTRAINT call_quotas_check1 CHECK ((num_nonnulls(max_per_hour, max_per_day, max_waiting) > 0)),
    CONSTRAINT call_quotas_max_per_day_check CHECK ((max_per_day >= 0)),
    CONSTRAINT call_quotas_max_per_hour_check CHECK ((max_per_hour >= 0)),
    CONSTRAINT call_quotas_name_check CHECK ((name = ANY (ARRAY['export-calls'::text, 'exports'::text])))
);

ALTER TABLE ONLY public.call_quotas FORCE ROW LEVEL SECURITY;

CREATE TABLE public.checkpoints (
    tenant_id uuid NOT NULL,
    export_id uuid NOT NULL,
    stage text NOT NULL,
    attempt integer NOT NULL,
    result jsonb NOT NULL,
    completed_at timestamp with time zone DEFAULT public.lading_now() NOT NULL,
    CONSTRAINT checkpoints_stage_check CHECK ((stage = ANY (ARRAY['querying'::text, 'mapping'::text, 'generating'::text, 'bundling'::text, 'auditing'::text])))
);

ALTER TABLE ONLY public.checkpoints FORCE ROW LEVEL SECURITY;

CREATE TABLE public.dead_letters (
    tenant_id uuid NOT NULL,
    job_id uuid NOT NULL,
    kind text NOT NULL,
    host text NOT NULL,
    subject text NOT NULL,
    code text NOT NULL,
    message text NOT NULL,
    fingerprint text NOT NULL,
    attempt integer NOT NULL,
    died_at timestamp with time zone DEFAULT public.lading_now() NOT NULL,
    state text DEFAULT 'open'::text NOT NULL,
    closed_at timestamp with time zone,
    closed_by text,
    reason text,
    ticket text,
    deaths integer DEFAULT 1 NOT NULL,
    CONSTRAINT dead_letters_check CHECK (((state = 'open'::text) = (closed_at IS NULL))),
    CONSTRAINT dead_letters_deaths_check CHECK ((deaths > 0)),
    CONSTRAINT dead_letters_state_check CHECK ((state = ANY (ARRAY['open'::text, 'requeued'::text, 'resolved'::text, 'discarded'::text])))
);

ALTER TABLE ONLY public.dead_letters FORCE ROW LEVEL SECURITY;

CREATE TABLE public.deliveries (
    tenant_id uuid NOT NULL,
    export_id uuid NOT NULL,
    destination text NOT NULL,
    job_id uuid NOT NULL,
    status text DEFAULT 'pending'::text NOT NULL,
    size bigint NOT NULL,
    digest bytea NOT NULL,
    bytes bigint DEFAULT 0 NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    location text,
    error jsonb,
    rev bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT public.lading_now() NOT NULL,
    delivered_at timestamp with time zone,
    CONSTRAINT deliveries_check CHECK (((bytes >= 0) AND (bytes <= size))),
    CONSTRAINT deliveries_check1 CHECK (((status = 'delivered'::text) = (delivered_at IS NOT NULL))),
    CONSTRAINT deliveries_check2 CHECK (((status <> 'delivered'::text) OR ((location IS NOT NULL) AND (bytes = size)))),
    CONSTRAINT deliveries_check3 CHECK (((status = 'failed'::text) = (error IS NOT NULL))),
    CONSTRAINT deliveries_digest_check CHECK ((octet_length(digest) = 32)),
    CONSTRAINT deliveries_size_check CHECK ((size >= 0)),
    CONSTRAINT deliveries_status_check CHECK ((status = ANY (ARRAY['pending'::text, 'running'::text, 'delivered'::text, 'failed'::text, 'cancelled'::text])))
);

ALTER TABLE ONLY public.deliveries FORCE ROW LEVEL SECURITY;

CREATE TABLE public.destinations (
    tenant_id uuid NOT NULL,
    name text NOT NULL,
    kind text NOT NULL,
    credentials_ref text,
    options jsonb DEFAULT '{}'::jsonb NOT NULL,
    object_name text NOT NULL,
    overwrite boolean DEFAULT false NOT NULL,
    encrypt_to text[] DEFAULT '{}'::text[] NOT NULL,
    timeout_seconds integer NOT NULL,
    version bigint DEFAULT 1 NOT NULL,
    updated_at timestamp with time zone DEFAULT public.lading_now() NOT NULL,
    CONSTRAINT destinations_credentials_ref_check CHECK ((credentials_ref ~ '^(env|file|systemd|kubernetes):.+'::text)),
    CONSTRAINT destinations_kind_check CHECK ((kind = ANY (ARRAY['directory'::text, 's3'::text, 'gcs'::text, 'azure'::text, 'webhook'::text]))),
    CONSTRAINT destinations_name_check CHECK ((name ~ '^[a-z0-9][a-z0-9_-]{0,49}$'::text)),
    CONSTRAINT destinations_object_name_check CHECK (((length(object_name) >= 1) AND (length(object_name) <= 300))),
    CONSTRAINT destinations_options_check CHECK ((jsonb_typeof(options) = 'object'::text)),
    CONSTRAINT destinations_timeout_seconds_check CHECK (((timeout_seconds >= 1) AND (timeout_seconds <= 3600)))
);

ALTER TABLE ONLY public.destinations FORCE ROW LEVEL SECURITY;

CREATE TABLE public.disclosures (
    tenant_id uuid NOT NULL,
    commitment bytea NOT NULL,
    subject text NOT NULL,
    path text NOT NULL,
    actor_id text NOT NULL,
    about text,
    salt bytea NOT NULL,
    value text NOT NULL,
    CONSTRAINT disclosures_commitment_check CHECK ((octet_length(commitment) = 32)),
    CONSTRAINT disclosures_path_check CHECK ((path ~ '^[a-z][a-z_.]{0,59}$'::text)),
    CONSTRAINT disclosures_salt_check CHECK ((octet_length(salt) = 32)),
    CONSTRAINT disclosures_value_check CHECK ((octet_length(value) <= 16384))
);

ALTER TABLE ONLY public.disclosures FORCE ROW LEVEL SECURITY;

CREATE TABLE public.export_pages (
    tenant_id uuid NOT NULL,
    export_id uuid NOT NULL,
    mark text NOT NULL,
    number integer NOT NULL,
    result jsonb NOT NULL,
    job_id uuid NOT NULL,
    attempt integer NOT NULL,
    read_at timestamp with time zone DEFAULT public.lading_now() NOT NULL,
    CONSTRAINT export_pages_mark_check CHECK ((mark ~ '^[0-9a-f]{64}$'::text)),
    CONSTRAINT export_pages_number_check CHECK (((number >= 0) AND (number <= 99999)))
);

ALTER TABLE ONLY public.export_pages FORCE ROW LEVEL SECURITY;

CREATE TABLE public.export_parts (
    tenant_id uuid NOT NULL,
    export_id uuid NOT NULL,
    number integer NOT NULL,
    low text[],
    high text[],
    result jsonb,
    job_id uuid,
    attempt integer,
    completed_at timestamp with time zone,
    CONSTRAINT export_parts_check CHECK ((num_nulls(result, job_id, attempt, completed_at) = ANY (ARRAY[0, 4]))),
    CONSTRAINT export_parts_number_check CHECK (((number >= 0) AND (number <= 998)))
);

ALTER TABLE ONLY public.export_parts FORCE ROW LEVEL SECURITY;

CREATE TABLE public.exports (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    job_id uuid NOT NULL,
    type text NOT NULL,
    profile text NOT NULL,
    revision integer,
    format text NOT NULL,
    period_from date NOT NULL,
    period_to date NOT NULL,
    parameters jsonb DEFAULT '{}'::jsonb NOT NULL,
    include_attachments boolean DEFAULT false NOT NULL,
    status text DEFAULT 'pending'::text NOT NULL,
    stage text,
    retry_count integer DEFAULT 0 NOT NULL,
    progress jsonb DEFAULT '{}'::jsonb NOT NULL,
    warnings jsonb DEFAULT '[]'::jsonb NOT NULL,
    rows_read bigint,
    rows_written bigint,
    rows_quarantined bigint,
    rows_duplicate bigint,
    error jsonb,
    cancel_requested_at timestamp with time zone,
    requested_by text NOT NULL,
    rev bigint DEFAULT 1 NOT NULL,
    version bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT public.lading_now() NOT NULL,
    started_at timestamp with time zone,
    ended_at timestamp with time zone,
    expires_at timestamp with time zone,
    deleted_at timestamp with time zone,
    rows_filtered bigint DEFAULT 0 NOT NULL,
    destinations text[] DEFAULT '{}'::text[] NOT NULL,
    encrypt_to text[] DEFAULT '{}'::text[] NOT NULL,
    package_digest bytea,
    selector jsonb DEFAULT '{}'::jsonb NOT NULL,
    schedule_id uuid,
    asked_role text,
    asked_at timestamp with time zone,
    approval text,
    CONSTRAINT exports_approval_check CHECK ((approval = ANY (ARRAY['pending'::text, 'approved'::text, 'rejected'::text, 'expired'::text, 'withdrawn'::text]))),
    CONSTRAINT exports_check CHECK ((period_from <= period_to)),
    CONSTRAINT exports_check1 CHECK (((status = 'failed'::text) = (error IS NOT NULL))),
    CONSTRAINT exports_check2 CHECK (((status <> 'completed'::text) OR (rows_read = (((rows_written + rows_quarantined) + rows_duplicate) + rows_filtered)))),
    CONSTRAINT exports_check3 CHECK (((revision IS NULL) = (type = ANY (ARRAY['evidence_pack'::text, 'audit_report'::text, 'snapshot'::text, 'audit_bundle'::text])))),
    CONSTRAINT exports_package_digest_check CHECK ((octet_length(package_digest) = 32)),
    CONSTRAINT exports_selector_check CHECK ((jsonb_typeof(selector) = 'object'::text)),
    CONSTRAINT exports_stage_check CHECK ((stage = ANY (ARRAY['querying'::text, 'mapping'::text, 'generating'::text, 'bundling'::text, 'auditing'::text]))),
    CONSTRAINT exports_status_check CHECK ((status = ANY (ARRAY['pending'::text, 'running'::text, 'completed'::text, 'failed'::text, 'cancelled'::text, 'expired'::text])))
);

ALTER TABLE ONLY public.exports FORCE ROW LEVEL SECURITY;

CREATE TABLE public.finished_jobs (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    kind text NOT NULL,
    subject text NOT NULL,
    state text NOT NULL,
    priority smallint NOT NULL,
    payload jsonb NOT NULL,
    attempt integer NOT NULL,
    failures integer NOT NULL,
    crashes integer NOT NULL,
    max_attempts integer NOT NULL,
    max_crashes integer NOT NULL,
    error jsonb,
    rev bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    finished_at timestamp with time zone NOT NULL,
    host text DEFAULT ''::text NOT NULL,
    run_id uuid,
    replay_of uuid,
    payload_digest bytea,
    deadline_seconds integer,
    lease_id uuid,
    started_at timestamp with time zone,
    batch_id uuid,
    enqueued_in uuid,
    code text,
    CONSTRAINT finished_jobs_state_check CHECK ((state = ANY (ARRAY['completed'::text, 'dead'::text, 'cancelled'::text])))
)
PARTITION BY RANGE (finished_at);

ALTER TABLE ONLY public.finished_jobs FORCE ROW LEVEL SECURITY;

CREATE TABLE public.finished_jobs_default (
    tenant_id uuid CONSTRAINT finished_jobs_tenant_id_not_null NOT NULL,
    id uuid CONSTRAINT finished_jobs_id_not_null NOT NULL,
    kind text CONSTRAINT finished_jobs_kind_not_null NOT NULL,
    subject text CONSTRAINT finished_jobs_subject_not_null NOT NULL,
    state text CONSTRAINT finished_jobs_state_not_null NOT NULL,
    priority smallint CONSTRAINT finished_jobs_priority_not_null NOT NULL,
    payload jsonb CONSTRAINT finished_jobs_payload_not_null NOT NULL,
    attempt integer CONSTRAINT finished_jobs_attempt_not_null NOT NULL,
    failures integer CONSTRAINT finished_jobs_failures_not_null NOT NULL,
    crashes integer CONSTRAINT finished_jobs_crashes_not_null NOT NULL,
    max_attempts integer CONSTRAINT finished_jobs_max_attempts_not_null NOT NULL,
    max_crashes integer CONSTRAINT finished_jobs_max_crashes_not_null NOT NULL,
    error jsonb,
    rev bigint CONSTRAINT finished_jobs_rev_not_null NOT NULL,
    created_at timestamp with time zone CONSTRAINT finished_jobs_created_at_not_null NOT NULL,
    finished_at timestamp with time zone CONSTRAINT finished_jobs_finished_at_not_null NOT NULL,
    host text DEFAULT ''::text CONSTRAINT finished_jobs_host_not_null NOT NULL,
    run_id uuid,
    replay_of uuid,
    payload_digest bytea,
    deadline_seconds integer,
    lease_id uuid,
    started_at timestamp with time zone,
    batch_id uuid,
    enqueued_in uuid,
    code text,
    CONSTRAINT finished_jobs_state_check CHECK ((state = ANY (ARRAY['completed'::text, 'dead'::text, 'cancelled'::text])))
);

ALTER TABLE ONLY public.finished_jobs_default FORCE ROW LEVEL SECURITY;

CREATE TABLE public.handouts (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    export_id uuid NOT NULL,
    held_until timestamp with time zone NOT NULL,
    is_away boolean DEFAULT false NOT NULL
);

ALTER TABLE ONLY public.handouts FORCE ROW LEVEL SECURITY;

CREATE TABLE public.holds (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    export_id uuid,
    profile text,
    type text,
    requested_by text,
    period_from date,
    period_to date,
    reason text NOT NULL,
    ticket text,
    placed_at timestamp with time zone DEFAULT public.lading_now() NOT NULL,
    placed_by text NOT NULL,
    lifted_at timestamp with time zone,
    lifted_by text,
    lift_reason text,
    lift_ticket text,
    CONSTRAINT holds_check CHECK (((export_id IS NULL) = (num_nonnulls(profile, type, requested_by, period_from, period_to) > 0))),
    CONSTRAINT holds_check1 CHECK ((period_from <= period_to)),
    CONSTRAINT holds_check2 CHECK ((num_nulls(lifted_at, lifted_by, lift_reason) = ANY (ARRAY[0, 3]))),
    CONSTRAINT holds_lift_reason_check CHECK (((length(lift_reason) >= 1) AND (length(lift_reason) <= 500))),
    CONSTRAINT holds_lift_ticket_check CHECK ((length(lift_ticket) <= 60)),
    CONSTRAINT holds_profile_check CHECK (((length(profile) >= 1) AND (length(profile) <= 100))),
    CONSTRAINT holds_reason_check CHECK (((length(reason) >= 1) AND (length(reason) <= 500))),
    CONSTRAINT holds_requested_by_check CHECK (((length(requested_by) >= 1) AND (length(requested_by) <= 100))),
    CONSTRAINT holds_ticket_check CHECK ((length(ticket) <= 60)),
    CONSTRAINT holds_type_check CHECK (((length(type) >= 1) AND (length(type) <= 100)))
);

ALTER TABLE ONLY public.holds FORCE ROW LEVEL SECURITY;

CREATE VIEW public.held WITH (security_invoker='true') AS
 SELECT exports.tenant_id,
    exports.id AS export_id,
    holds.id AS hold_id,
    holds.ticket
   FROM (public.holds
     JOIN public.exports ON (((exports.tenant_id = holds.tenant_id) AND ((holds.export_id IS NULL) OR (exports.id = holds.export_id)) AND ((holds.profile IS NULL) OR (exports.profile = holds.profile)) AND ((holds.type IS NULL) OR (exports.type = holds.type)) AND ((holds.requested_by IS NULL) OR (exports.requested_by = holds.requested_by)) AND ((holds.period_from IS NULL) OR (exports.period_to >= holds.period_from)) AND ((holds.period_to IS NULL) OR (exports.period_from <= holds.period_to)))))
  WHERE (holds.lifted_at IS NULL);

CREATE TABLE public.idempotency_keys (
    tenant_id uuid NOT NULL,
    key text NOT NULL,
    request_digest bytea NOT NULL,
    resource_id uuid NOT NULL,
    created_at timestamp with time zone DEFAULT public.lading_now() NOT NULL,
    CONSTRAINT idempotency_keys_key_check CHECK (((octet_length(key) >= 1) AND (octet_length(key) <= 255))),
    CONSTRAINT idempotency_keys_request_digest_check CHECK ((octet_length(request_digest) = 32))
);

ALTER TABLE ONLY public.idempotency_keys FORCE ROW LEVEL SECURITY;

CREATE TABLE public.identity_providers (
    tenant_id uuid NOT NULL,
    name text NOT NULL,
    issuer text NOT NULL,
    audience text NOT NULL,
    require jsonb DEFAULT '{}'::jsonb NOT NULL,
    roles jsonb DEFAULT '[]'::jsonb NOT NULL,
    version bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT public.lading_now() NOT NULL,
    updated_at timestamp with time zone DEFAULT public.lading_now() NOT NULL,
    CONSTRAINT identity_providers_audience_check CHECK (((length(audience) >= 1) AND (length(audience) <= 255))),
    CONSTRAINT identity_providers_issuer_check CHECK (((length(issuer) >= 8) AND (length(issuer) <= 500))),
    CONSTRAINT identity_providers_name_check CHECK ((name ~ '^[a-z0-9][a-z0-9_-]{0,62}$'::text)),
    CONSTRAINT identity_providers_require_check CHECK ((jsonb_typeof(require) = 'object'::text)),
    CONSTRAINT identity_providers_roles_check CHECK ((jsonb_typeof(roles) = 'array'::text))
);

ALTER TABLE ONLY public.identity_providers FORCE ROW LEVEL SECURITY;

CREATE TABLE public.instance_epochs (
    epoch integer NOT NULL,
    origin text NOT NULL,
    base bigint NOT NULL,
    size bigint NOT NULL,
    tiled bigint NOT NULL,
    frontier bytea NOT NULL,
    root bytea NOT NULL,
    known_size bigint NOT NULL,
    known_root bytea NOT NULL,
    closed_at timestamp with time zone DEFAULT public.lading_now() NOT NULL,
    CONSTRAINT instance_epochs_epoch_check CHECK ((epoch >= 1))
);

CREATE TABLE public.instance_heads (
    size bigint NOT NULL,
    root bytea NOT NULL,
    note text NOT NULL,
    signed_at timestamp with time zone DEFAULT public.lading_now() NOT NULL,
    CONSTRAINT instance_heads_root_check CHECK ((octet_length(root) = 32))
);

CREATE TABLE public.instance_leaves (
    index bigint NOT NULL,
    hash bytea NOT NULL,
    line bytea NOT NULL,
    CONSTRAINT instance_leaves_hash_check CHECK ((octet_length(hash) = 32)),
    CONSTRAINT instance_leaves_index_check CHECK ((index >= 0)),
    CONSTRAINT instance_leaves_line_check CHECK (((octet_length(line) >= 2) AND (octet_length(line) <= 65535)))
);

CREATE TABLE public.instance_log (
    id boolean DEFAULT true NOT NULL,
    epoch integer DEFAULT 1 NOT NULL,
    origin text NOT NULL,
    base bigint DEFAULT 0 NOT NULL,
    size bigint DEFAULT 0 NOT NULL,
    tiled bigint DEFAULT 0 NOT NULL,
    frontier bytea DEFAULT '\x'::bytea NOT NULL,
    root bytea NOT NULL,
    grown_at timestamp with time zone DEFAULT public.lading_now() NOT NULL,
    CONSTRAINT instance_log_check CHECK ((base <= size)),
    CONSTRAINT instance_log_epoch_check CHECK ((epoch >= 1)),
    CONSTRAINT instance_log_id_check CHECK (id),
    CONSTRAINT instance_log_root_check CHECK ((octet_length(root) = 32))
);

CREATE TABLE public.instance_tiles (
    epoch integer NOT NULL,
    level smallint NOT NULL,
    n bigint NOT NULL,
    root bytea NOT NULL,
    hashes bytea,
    CONSTRAINT instance_tiles_check CHECK (((level = 0) = (hashes IS NOT NULL))),
    CONSTRAINT instance_tiles_epoch_check CHECK ((epoch >= 1)),
    CONSTRAINT instance_tiles_hashes_check CHECK ((octet_length(hashes) = 8192)),
    CONSTRAINT instance_tiles_level_check CHECK (((level >= 0) AND (level <= 6))),
    CONSTRAINT instance_tiles_n_check CHECK ((n >= 0)),
    CONSTRAINT instance_tiles_root_check CHECK ((octet_length(root) = 32))
);
ALTER TABLE ONLY public.instance_tiles ALTER COLUMN hashes SET STORAGE EXTERNAL;

CREATE TABLE public.instance_time_stamps (
    size bigint NOT NULL,
    token bytea NOT NULL,
    stamped_at timestamp with time zone NOT NULL,
    CONSTRAINT instance_time_stamps_token_check CHECK (((octet_length(token) >= 1) AND (octet_length(token) <= 65536)))
);

CREATE TABLE public.jobs (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    sequence bigint NOT NULL,
    kind text NOT NULL,
    subject text DEFAULT ''::text NOT NULL,
    state text NOT NULL,
    priority smallint DEFAULT 0 NOT NULL,
    due_at timestamp with time zone DEFAULT public.lading_now() NOT NULL,
    payload jsonb DEFAULT '{}'::jsonb NOT NULL,
    attempt integer DEFAULT 0 NOT NULL,
    failures integer DEFAULT 0 NOT NULL,
    crashes integer DEFAULT 0 NOT NULL,
    max_attempts integer NOT NULL,
    max_crashes integer NOT NULL,
    lease_id uuid,
    claimed_at timestamp with time zone,
    started_at timestamp with time zone,
    cancel_requested_at timestamp with time zone,
    cancel_reason text,
    error jsonb,
    rev bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT public.lading_now() NOT NULL,
    host text DEFAULT ''::text NOT NULL,
    run_id uuid,
    pending_parents integer DEFAULT 0 NOT NULL,
    replay_of uuid,
    payload_digest bytea,
    deadline_seconds integer,
    is_solo boolean DEFAULT false NOT NULL,
    batch_id uuid,
    enqueued_in uuid,
    progress_at timestamp with time zone,
    CONSTRAINT jobs_check CHECK (((state = 'running'::text) = (lease_id IS NOT NULL))),
    CONSTRAINT jobs_check1 CHECK (((state = 'running'::text) OR (started_at IS NULL))),
    CONSTRAINT jobs_check2 CHECK (((state = 'blocked'::text) = (pending_parents > 0))),
    CONSTRAINT jobs_check3 CHECK (((batch_id IS NULL) OR (state = 'running'::text))),
    CONSTRAINT jobs_deadline_seconds_check CHECK ((deadline_seconds > 0)),
    CONSTRAINT jobs_host_check CHECK ((octet_length(host) <= 255)),
    CONSTRAINT jobs_kind_check CHECK ((kind <> ''::text)),
    CONSTRAINT jobs_max_attempts_check CHECK ((max_attempts > 0)),
    CONSTRAINT jobs_max_crashes_check CHECK ((max_crashes > 0)),
    CONSTRAINT jobs_payload_digest_check CHECK ((octet_length(payload_digest) = 32)),
    CONSTRAINT jobs_pending_parents_check CHECK ((pending_parents >= 0)),
    CONSTRAINT jobs_state_check CHECK ((state = ANY (ARRAY['blocked'::text, 'scheduled'::text, 'pending'::text, 'running'::text])))
)
WITH (fillfactor='80', autovacuum_vacuum_scale_factor='0', autovacuum_vacuum_threshold='5000', autovacuum_vacuum_cost_delay='0');

ALTER TABLE ONLY public.jobs FORCE ROW LEVEL SECURITY;

ALTER TABLE public.jobs ALTER COLUMN sequence ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.jobs_sequence_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.lanes (
    tenant_id uuid NOT NULL,
    kind text NOT NULL,
    host text NOT NULL,
    waiting_for text,
    eligible_at timestamp with time zone,
    since timestamp with time zone DEFAULT public.lading_now() NOT NULL,
    CONSTRAINT lanes_waiting_for_check CHECK ((waiting_for = ANY (ARRAY['quota'::text, 'rate'::text, 'breaker'::text, 'blackout'::text, 'pause'::text])))
)
WITH (fillfactor='70');

ALTER TABLE ONLY public.lanes FORCE ROW LEVEL SECURITY;

CREATE TABLE public.leases (
    id uuid NOT NULL,
    worker text NOT NULL,
    state text DEFAULT 'active'::text NOT NULL,
    started_at timestamp with time zone DEFAULT public.lading_now() NOT NULL,
    beat_at timestamp with time zone DEFAULT public.lading_now() NOT NULL,
    lease_until timestamp with time zone NOT NULL,
    slots integer DEFAULT 1 NOT NULL,
    CONSTRAINT leases_slots_check CHECK ((slots >= 0)),
    CONSTRAINT leases_state_check CHECK ((state = ANY (ARRAY['active'::text, 'closed'::text, 'expired'::text])))
)
WITH (fillfactor='30');

CREATE TABLE public.ledger_checks (
    tenant_id uuid NOT NULL,
    checked_at timestamp with time zone DEFAULT public.lading_now() NOT NULL,
    size bigint NOT NULL,
    fault text,
    CONSTRAINT ledger_checks_fault_check CHECK (((length(fault) >= 1) AND (length(fault) <= 500)))
);

ALTER TABLE ONLY public.ledger_checks FORCE ROW LEVEL SECURITY;

CREATE TABLE public.ledger_entries (
    tenant_id uuid NOT NULL,
    index bigint NOT NULL,
    subject text NOT NULL,
    type text NOT NULL,
    at timestamp with time zone NOT NULL,
    line bytea NOT NULL,
    CONSTRAINT ledger_entries_index_check CHECK ((index >= 0)),
    CONSTRAINT ledger_entries_line_check CHECK (((octet_length(line) >= 2) AND (octet_length(line) <= 65535)))
);

ALTER TABLE ONLY public.ledger_entries FORCE ROW LEVEL SECURITY;

CREATE TABLE public.ledger_epochs (
    tenant_id uuid NOT NULL,
    epoch integer NOT NULL,
    origin text NOT NULL,
    base bigint NOT NULL,
    size bigint NOT NULL,
    tiled bigint NOT NULL,
    frontier bytea NOT NULL,
    root bytea NOT NULL,
    known_size bigint NOT NULL,
    known_root bytea NOT NULL,
    closed_at timestamp with time zone DEFAULT public.lading_now() NOT NULL,
    CONSTRAINT ledger_epochs_check CHECK ((base <= size)),
    CONSTRAINT ledger_epochs_epoch_check CHECK ((epoch >= 1)),
    CONSTRAINT ledger_epochs_known_root_check CHECK ((octet_length(known_root) = 32)),
    CONSTRAINT ledger_epochs_root_check CHECK ((octet_length(root) = 32))
);

ALTER TABLE ONLY public.ledger_epochs FORCE ROW LEVEL SECURITY;

CREATE TABLE public.ledger_pending (
    id bigint NOT NULL,
    tenant_id uuid NOT NULL,
    subject text NOT NULL,
    type text NOT NULL,
    at timestamp with time zone NOT NULL,
    line bytea NOT NULL,
    CONSTRAINT ledger_pending_line_check CHECK (((octet_length(line) >= 2) AND (octet_length(line) <= 65535)))
);

ALTER TABLE ONLY public.ledger_pending FORCE ROW LEVEL SECURITY;

ALTER TABLE public.ledger_pending ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.ledger_pending_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.ledger_tiles (
    tenant_id uuid NOT NULL,
    epoch integer NOT NULL,
    level smallint NOT NULL,
    n bigint NOT NULL,
    root bytea NOT NULL,
    hashes bytea,
    CONSTRAINT ledger_tiles_check CHECK (((level = 0) = (hashes IS NOT NULL))),
    CONSTRAINT ledger_tiles_epoch_check CHECK ((epoch >= 1)),
    CONSTRAINT ledger_tiles_hashes_check CHECK ((octet_length(hashes) = 8192)),
    CONSTRAINT ledger_tiles_level_check CHECK (((level >= 0) AND (level <= 6))),
    CONSTRAINT ledger_tiles_n_check CHECK ((n >= 0)),
    CONSTRAINT ledger_tiles_root_check CHECK ((octet_length(root) = 32))
);
ALTER TABLE ONLY public.ledger_tiles ALTER COLUMN hashes SET STORAGE EXTERNAL;

ALTER TABLE ONLY public.ledger_tiles FORCE ROW LEVEL SECURITY;

CREATE TABLE public.ledger_trees (
    tenant_id uuid NOT NULL,
    origin text NOT NULL,
    size bigint DEFAULT 0 NOT NULL,
    frontier bytea DEFAULT '\x'::bytea NOT NULL,
    root bytea NOT NULL,
    epoch integer DEFAULT 1 NOT NULL,
    base bigint DEFAULT 0 NOT NULL,
    tiled bigint DEFAULT 0 NOT NULL,
    min_index bigint DEFAULT 0 NOT NULL,
    CONSTRAINT ledger_trees_base_check CHECK ((base >= 0)),
    CONSTRAINT ledger_trees_check CHECK ((base <= size)),
    CONSTRAINT ledger_trees_check1 CHECK (((min_index >= 0) AND (min_index <= size))),
    CONSTRAINT ledger_trees_epoch_check CHECK ((epoch >= 1)),
    CONSTRAINT ledger_trees_root_check CHECK ((octet_length(root) = 32)),
    CONSTRAINT ledger_trees_size_check CHECK ((size >= 0)),
    CONSTRAINT ledger_trees_tiled_check CHECK (((tiled >= 0) AND ((tiled % (256)::bigint) = 0)))
);

ALTER TABLE ONLY public.ledger_trees FORCE ROW LEVEL SECURITY;

CREATE TABLE public.logged_heads (
    tenant_id uuid NOT NULL,
    size bigint NOT NULL,
    index bigint NOT NULL
);

ALTER TABLE ONLY public.logged_heads FORCE ROW LEVEL SECURITY;

CREATE TABLE public.login_refusals (
    tenant_id uuid NOT NULL,
    subject text NOT NULL,
    reason text NOT NULL,
    noted_at timestamp with time zone DEFAULT public.lading_now() NOT NULL,
    CONSTRAINT login_refusals_reason_check CHECK (((length(reason) >= 1) AND (length(reason) <= 60))),
    CONSTRAINT login_refusals_subject_check CHECK (((length(subject) >= 1) AND (length(subject) <= 200)))
);

ALTER TABLE ONLY public.login_refusals FORCE ROW LEVEL SECURITY;

CREATE TABLE public.members (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    issuer text,
    subject text,
    email text,
    name text,
    role text NOT NULL,
    is_claimed boolean DEFAULT false NOT NULL,
    version bigint DEFAULT 1 NOT NULL,
    created_by text NOT NULL,
    created_at timestamp with time zone DEFAULT public.lading_now() NOT NULL,
    joined_at timestamp with time zone,
    last_seen_at timestamp with time zone,
    removed_at timestamp with time zone,
    CONSTRAINT members_check CHECK (((issuer IS NULL) = (subject IS NULL))),
    CONSTRAINT members_check1 CHECK (((removed_at IS NOT NULL) OR (subject IS NOT NULL) OR (email IS NOT NULL))),
    CONSTRAINT members_check2 CHECK (((removed_at IS NULL) OR ((email IS NULL) AND (name IS NULL)))),
    CONSTRAINT members_check3 CHECK (((joined_at IS NULL) OR (subject IS NOT NULL))),
    CONSTRAINT members_email_check CHECK ((((length(email) >= 3) AND (length(email) <= 254)) AND (email = lower(email)))),
    CONSTRAINT members_issuer_check CHECK (((length(issuer) >= 8) AND (length(issuer) <= 500))),
    CONSTRAINT members_name_check CHECK (((length(name) >= 1) AND (length(name) <= 200))),
    CONSTRAINT members_role_check CHECK ((role = ANY (ARRAY['viewer'::text, 'requester'::text, 'operator'::text, 'quota'::text, 'auditor'::text, 'admin'::text, 'worker'::text]))),
    CONSTRAINT members_subject_check CHECK (((length(subject) >= 1) AND (length(subject) <= 255)))
);

ALTER TABLE ONLY public.members FORCE ROW LEVEL SECURITY;

CREATE TABLE public.objects (
    tenant_id uuid NOT NULL,
    digest bytea NOT NULL,
    size bigint NOT NULL,
    blob_key text NOT NULL,
    state text DEFAULT 'live'::text NOT NULL,
    created_at timestamp with time zone DEFAULT public.lading_now() NOT NULL,
    tombstoned_at timestamp with time zone,
    CONSTRAINT objects_check CHECK (starts_with(blob_key, (('objects/'::text || tenant_id) || '/'::text))),
    CONSTRAINT objects_check1 CHECK (((state = 'tombstoned'::text) = (tombstoned_at IS NOT NULL))),
    CONSTRAINT objects_digest_check CHECK ((octet_length(digest) = 32)),
    CONSTRAINT objects_size_check CHECK ((size >= 0)),
    CONSTRAINT objects_state_check CHECK ((state = ANY (ARRAY['live'::text, 'tombstoned'::text])))
);

ALTER TABLE ONLY public.objects FORCE ROW LEVEL SECURITY;

CREATE TABLE public.pauses (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    scope text NOT NULL,
    target text DEFAULT ''::text NOT NULL,
    reason text NOT NULL,
    ticket text,
    created_by text NOT NULL,
    created_at timestamp with time zone DEFAULT public.lading_now() NOT NULL,
    starts_at timestamp with time zone DEFAULT public.lading_now() NOT NULL,
    ends_at timestamp with time zone,
    lifted_at timestamp with time zone,
    lifted_by text,
    lift_reason text,
    lift_ticket text,
    CONSTRAINT pauses_check CHECK (((ends_at > starts_at) OR (lifted_at = ends_at))),
    CONSTRAINT pauses_check1 CHECK (((scope = 'tenant'::text) = (target = ''::text))),
    CONSTRAINT pauses_check2 CHECK (((lifted_at IS NULL) = (lifted_by IS NULL))),
    CONSTRAINT pauses_reason_check CHECK ((btrim(reason) <> ''::text)),
    CONSTRAINT pauses_scope_check CHECK ((scope = ANY (ARRAY['tenant'::text, 'source'::text, 'kind'::text, 'job'::text])))
);

ALTER TABLE ONLY public.pauses FORCE ROW LEVEL SECURITY;

CREATE TABLE public.placement_parts (
    tenant_id uuid NOT NULL,
    blob_key text NOT NULL,
    number integer NOT NULL,
    size bigint NOT NULL,
    digest bytea NOT NULL,
    etag text NOT NULL,
    CONSTRAINT placement_parts_digest_check CHECK ((octet_length(digest) = 32)),
    CONSTRAINT placement_parts_number_check CHECK (((number >= 1) AND (number <= 50000))),
    CONSTRAINT placement_parts_size_check CHECK ((size > 0))
);

ALTER TABLE ONLY public.placement_parts FORCE ROW LEVEL SECURITY;

CREATE TABLE public.placements (
    tenant_id uuid NOT NULL,
    blob_key text NOT NULL,
    job_id uuid NOT NULL,
    digest bytea NOT NULL,
    part_bytes bigint,
    upload_id text,
    created_at timestamp with time zone DEFAULT public.lading_now() NOT NULL,
    CONSTRAINT placements_check CHECK (starts_with(blob_key, (('objects/'::text || tenant_id) || '/bucket/'::text))),
    CONSTRAINT placements_check1 CHECK (((upload_id IS NULL) OR (part_bytes IS NOT NULL))),
    CONSTRAINT placements_digest_check CHECK ((octet_length(digest) = 32)),
    CONSTRAINT placements_part_bytes_check CHECK ((part_bytes > 0))
);

ALTER TABLE ONLY public.placements FORCE ROW LEVEL SECURITY;

CREATE TABLE public.policies (
    tenant_id uuid NOT NULL,
    name text NOT NULL,
    active_revision integer,
    version bigint DEFAULT 0 NOT NULL,
    created_at timestamp with time zone DEFAULT public.lading_now() NOT NULL,
    CONSTRAINT policies_name_check CHECK ((name ~ '^[a-z0-9][a-z0-9_-]{0,49}$'::text))
);

ALTER TABLE ONLY public.policies FORCE ROW LEVEL SECURITY;

CREATE TABLE public.policy_activations (
    tenant_id uuid NOT NULL,
    name text NOT NULL,
    version bigint NOT NULL,
    revision integer,
    is_rollback boolean DEFAULT false NOT NULL,
    activated_at timestamp with time zone DEFAULT public.lading_now() NOT NULL,
    activated_by text NOT NULL,
    reason text,
    ticket text,
    CONSTRAINT policy_activations_reason_check CHECK (((length(reason) >= 1) AND (length(reason) <= 500))),
    CONSTRAINT policy_activations_ticket_check CHECK ((length(ticket) <= 60))
);

ALTER TABLE ONLY public.policy_activations FORCE ROW LEVEL SECURITY;

CREATE TABLE public.policy_revisions (
    tenant_id uuid NOT NULL,
    name text NOT NULL,
    revision integer NOT NULL,
    document jsonb NOT NULL,
    digest bytea NOT NULL,
    created_at timestamp with time zone DEFAULT public.lading_now() NOT NULL,
    created_by text NOT NULL,
    CONSTRAINT policy_revisions_digest_check CHECK ((octet_length(digest) = 32)),
    CONSTRAINT policy_revisions_document_check CHECK ((jsonb_typeof(document) = 'object'::text)),
    CONSTRAINT policy_revisions_revision_check CHECK ((revision > 0))
);

ALTER TABLE ONLY public.policy_revisions FORCE ROW LEVEL SECURITY;

CREATE TABLE public.profile_activations (
    tenant_id uuid NOT NULL,
    name text NOT NULL,
    version bigint NOT NULL,
    revision integer NOT NULL,
    is_rollback boolean DEFAULT false NOT NULL,
    activated_at timestamp with time zone DEFAULT public.lading_now() NOT NULL,
    activated_by text NOT NULL,
    reason text,
    ticket text,
    CONSTRAINT profile_activations_reason_check CHECK (((length(reason) >= 1) AND (length(reason) <= 500))),
    CONSTRAINT profile_activations_ticket_check CHECK ((length(ticket) <= 60))
);

ALTER TABLE ONLY public.profile_activations FORCE ROW LEVEL SECURITY;

CREATE TABLE public.profile_revisions (
    tenant_id uuid NOT NULL,
    name text NOT NULL,
    revision integer NOT NULL,
    document jsonb NOT NULL,
    digest bytea NOT NULL,
    created_at timestamp with time zone DEFAULT public.lading_now() NOT NULL,
    created_by text NOT NULL,
    CONSTRAINT profile_revisions_digest_check CHECK ((octet_length(digest) = 32)),
    CONSTRAINT profile_revisions_revision_check CHECK ((revision > 0))
);

ALTER TABLE ONLY public.profile_revisions FORCE ROW LEVEL SECURITY;

CREATE TABLE public.profiles (
    tenant_id uuid NOT NULL,
    name text NOT NULL,
    active_revision integer,
    version bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT public.lading_now() NOT NULL,
    CONSTRAINT profiles_name_check CHECK ((name ~ '^[a-z0-9][a-z0-9_-]{0,62}$'::text))
);

ALTER TABLE ONLY public.profiles FORCE ROW LEVEL SECURITY;

CREATE TABLE public.quotas (
    tenant_id uuid NOT NULL,
    kind text NOT NULL,
    max_active integer,
    max_per_hour integer,
    burst integer,
    tokens double precision DEFAULT 0 NOT NULL,
    refilled_at timestamp with time zone DEFAULT public.lading_now() NOT NULL,
    version bigint DEFAULT 1 NOT NULL,
    reason text,
    ticket text,
    CONSTRAINT quotas_burst_check CHECK ((burst > 0)),
    CONSTRAINT quotas_check CHECK (((max_per_hour IS NULL) = (burst IS NULL))),
    CONSTRAINT quotas_check1 CHECK (((max_active IS NOT NULL) OR (max_per_hour IS NOT NULL))),
    CONSTRAINT quotas_kind_check CHECK ((kind <> ''::text)),
    CONSTRAINT quotas_max_active_check CHECK ((max_active >= 0)),
    CONSTRAINT quotas_max_per_hour_check CHECK ((max_per_hour > 0)),
    CONSTRAINT quotas_tokens_check CHECK ((tokens >= (0)::double precision))
)
WITH (fillfactor='50');

ALTER TABLE ONLY public.quotas FORCE ROW LEVEL SECURITY;

CREATE TABLE public.refusals (
    tenant_id uuid NOT NULL,
    noted_at timestamp with time zone DEFAULT public.lading_now() NOT NULL
);

ALTER TABLE ONLY public.refusals FORCE ROW LEVEL SECURITY;

CREATE VIEW public.reservations WITH (security_invoker='true') AS
 SELECT allocations.tenant_id,
    (LEAST((allocations.reserved)::numeric, floor((((allocations.reserved)::numeric * (GREATEST((0)::bigint, (living.slots - 1)))::numeric) / (sum(allocations.reserved) OVER ())::numeric))))::integer AS jobs
   FROM (public.allocations
     CROSS JOIN ( SELECT COALESCE(sum(leases.slots), (0)::bigint) AS slots
           FROM public.leases
          WHERE ((leases.state = 'active'::text) AND (leases.lease_until > public.lading_now()))) living)
  WHERE ((allocations.strategy = 'reserved'::text) AND (allocations.reserved > 0));

CREATE TABLE public.retention_rules (
    tenant_id uuid NOT NULL,
    scope text NOT NULL,
    target text NOT NULL,
    days integer NOT NULL,
    reason text NOT NULL,
    ticket text,
    version bigint DEFAULT 1 NOT NULL,
    set_at timestamp with time zone DEFAULT public.lading_now() NOT NULL,
    set_by text NOT NULL,
    CONSTRAINT retention_rules_check CHECK ((((scope = 'tenant'::text) = (target = ''::text)) AND (length(target) <= 100))),
    CONSTRAINT retention_rules_days_check CHECK (((days >= 1) AND (days <= 36500))),
    CONSTRAINT retention_rules_reason_check CHECK (((length(reason) >= 1) AND (length(reason) <= 500))),
    CONSTRAINT retention_rules_scope_check CHECK ((scope = ANY (ARRAY['profile'::text, 'type'::text, 'tenant'::text]))),
    CONSTRAINT retention_rules_ticket_check CHECK ((length(ticket) <= 60))
);

ALTER TABLE ONLY public.retention_rules FORCE ROW LEVEL SECURITY;

CREATE TABLE public.retry_budgets (
    tenant_id uuid NOT NULL,
    host text NOT NULL,
    tokens double precision NOT NULL,
    refilled_at timestamp with time zone DEFAULT public.lading_now() NOT NULL,
    parked_at timestamp with time zone,
    parked_until timestamp with time zone,
    CONSTRAINT retry_budgets_tokens_check CHECK ((tokens >= (0)::double precision))
)
WITH (fillfactor='50');

ALTER TABLE ONLY public.retry_budgets FORCE ROW LEVEL SECURITY;

CREATE TABLE public.retry_policies (
    tenant_id uuid NOT NULL,
    kind text NOT NULL,
    class text NOT NULL,
    max_attempts integer NOT NULL,
    base_seconds double precision NOT NULL,
    cap_seconds double precision NOT NULL,
    reason text,
    ticket text,
    version bigint DEFAULT 1 NOT NULL,
    CONSTRAINT retry_policies_base_seconds_check CHECK ((base_seconds > (0)::double precision)),
    CONSTRAINT retry_policies_check CHECK ((cap_seconds >= base_seconds)),
    CONSTRAINT retry_policies_class_check CHECK ((class <> ''::text)),
    CONSTRAINT retry_policies_kind_check CHECK ((kind <> ''::text)),
    CONSTRAINT retry_policies_max_attempts_check CHECK (((max_attempts >= 1) AND (max_attempts <= 1000)))
);

ALTER TABLE ONLY public.retry_policies FORCE ROW LEVEL SECURITY;

CREATE TABLE public.run_edges (
    tenant_id uuid NOT NULL,
    run_id uuid NOT NULL,
    parent text NOT NULL,
    child text NOT NULL,
    parent_job uuid,
    child_job uuid
);

ALTER TABLE ONLY public.run_edges FORCE ROW LEVEL SECURITY;

CREATE TABLE public.run_nodes (
    tenant_id uuid NOT NULL,
    run_id uuid NOT NULL,
    key text NOT NULL,
    place integer NOT NULL,
    job_id uuid,
    kind text NOT NULL,
    host text DEFAULT ''::text NOT NULL,
    on_failure text NOT NULL,
    definition jsonb NOT NULL,
    CONSTRAINT run_nodes_key_check CHECK (((octet_length(key) >= 1) AND (octet_length(key) <= 200))),
    CONSTRAINT run_nodes_on_failure_check CHECK ((on_failure = ANY (ARRAY['fail'::text, 'skip'::text, 'continue'::text]))),
    CONSTRAINT run_nodes_place_check CHECK ((place >= 0))
);

ALTER TABLE ONLY public.run_nodes FORCE ROW LEVEL SECURITY;

CREATE TABLE public.runs (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    name text NOT NULL,
    state text DEFAULT 'running'::text NOT NULL,
    on_failure text NOT NULL,
    replay_of uuid,
    requested_by text NOT NULL,
    cancel_requested_at timestamp with time zone,
    cancel_reason text,
    cancel_ticket text,
    stop_code text,
    nodes integer NOT NULL,
    counts jsonb,
    rev bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT public.lading_now() NOT NULL,
    ended_at timestamp with time zone,
    CONSTRAINT runs_check CHECK (((state = 'running'::text) = (ended_at IS NULL))),
    CONSTRAINT runs_check1 CHECK (((state = 'running'::text) = (counts IS NULL))),
    CONSTRAINT runs_check2 CHECK (((cancel_requested_at IS NOT NULL) = (COALESCE(stop_code, ''::text) = 'run-cancelled'::text))),
    CONSTRAINT runs_name_check CHECK ((name <> ''::text)),
    CONSTRAINT runs_nodes_check CHECK ((nodes > 0)),
    CONSTRAINT runs_on_failure_check CHECK ((on_failure = ANY (ARRAY['fail'::text, 'skip'::text, 'continue'::text]))),
    CONSTRAINT runs_state_check CHECK ((state = ANY (ARRAY['running'::text, 'completed'::text, 'failed'::text, 'cancelled'::text]))),
    CONSTRAINT runs_stop_code_check CHECK ((stop_code = ANY (ARRAY['run-failed'::text, 'run-cancelled'::text])))
);

ALTER TABLE ONLY public.runs FORCE ROW LEVEL SECURITY;

CREATE TABLE public.schedule_slots (
    tenant_id uuid NOT NULL,
    schedule_id uuid NOT NULL,
    slot timestamp with time zone NOT NULL,
    local text NOT NULL,
    outcome text NOT NULL,
    is_manual boolean DEFAULT false NOT NULL,
    is_late boolean DEFAULT false NOT NULL,
    code text,
    message text,
    since timestamp with time zone,
    missed integer DEFAULT 1 NOT NULL,
    job_id uuid NOT NULL,
    subject text,
    decided_at timestamp with time zone DEFAULT public.lading_now() NOT NULL,
    CONSTRAINT schedule_slots_check CHECK ((since < slot)),
    CONSTRAINT schedule_slots_check1 CHECK (((outcome = 'fired'::text) = (subject IS NOT NULL))),
    CONSTRAINT schedule_slots_check2 CHECK (((outcome = ANY (ARRAY['skipped'::text, 'failed'::text])) = (code IS NOT NULL))),
    CONSTRAINT schedule_slots_code_check CHECK ((length(code) <= 60)),
    CONSTRAINT schedule_slots_local_check CHECK ((length(local) <= 40)),
    CONSTRAINT schedule_slots_message_check CHECK ((length(message) <= 500)),
    CONSTRAINT schedule_slots_missed_check CHECK (((missed >= 1) AND (missed <= 1000))),
    CONSTRAINT schedule_slots_outcome_check CHECK ((outcome = ANY (ARRAY['waiting'::text, 'fired'::text, 'skipped'::text, 'failed'::text])))
);

ALTER TABLE ONLY public.schedule_slots FORCE ROW LEVEL SECURITY;

CREATE TABLE public.schedules (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    name text NOT NULL,
    cron text NOT NULL,
    zone text NOT NULL,
    kind text NOT NULL,
    payload jsonb NOT NULL,
    period text,
    source text DEFAULT ''::text NOT NULL,
    priority integer DEFAULT 0 NOT NULL,
    max_attempts integer,
    deadline_seconds integer,
    catch_up text NOT NULL,
    overlap text NOT NULL,
    starts_at timestamp with time zone,
    ends_at timestamp with time zone,
    owner_kind text NOT NULL,
    owner_id text NOT NULL,
    owner uuid NOT NULL,
    owner_role text NOT NULL,
    paused_at timestamp with time zone,
    paused_by text,
    pause_reason text,
    pause_ticket text,
    next_at timestamp with time zone,
    decided_to timestamp with time zone NOT NULL,
    tzdata text NOT NULL,
    version bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT public.lading_now() NOT NULL,
    updated_at timestamp with time zone DEFAULT public.lading_now() NOT NULL,
    CONSTRAINT schedules_catch_up_check CHECK ((catch_up = ANY (ARRAY['latest'::text, 'all'::text, 'skip'::text]))),
    CONSTRAINT schedules_check CHECK ((ends_at > starts_at)),
    CONSTRAINT schedules_check1 CHECK (((paused_at IS NULL) = (pause_reason IS NULL))),
    CONSTRAINT schedules_check2 CHECK (((paused_at IS NULL) OR (next_at IS NULL))),
    CONSTRAINT schedules_check3 CHECK ((next_at > decided_to)),
    CONSTRAINT schedules_cron_check CHECK (((length(cron) >= 1) AND (length(cron) <= 200))),
    CONSTRAINT schedules_deadline_seconds_check CHECK (((deadline_seconds >= 1) AND (deadline_seconds <= 604800))),
    CONSTRAINT schedules_kind_check CHECK (((length(kind) >= 1) AND (length(kind) <= 60))),
    CONSTRAINT schedules_max_attempts_check CHECK (((max_attempts >= 1) AND (max_attempts <= 100))),
    CONSTRAINT schedules_name_check CHECK ((name ~ '^[a-z0-9][a-z0-9_-]{0,62}$'::text)),
    CONSTRAINT schedules_overlap_check CHECK ((overlap = ANY (ARRAY['skip'::text, 'queue'::text, 'cancel_previous'::text, 'allow'::text]))),
    CONSTRAINT schedules_pause_reason_check CHECK (((length(pause_reason) >= 1) AND (length(pause_reason) <= 500))),
    CONSTRAINT schedules_pause_ticket_check CHECK ((length(pause_ticket) <= 60)),
    CONSTRAINT schedules_payload_check CHECK ((jsonb_typeof(payload) = 'object'::text)),
    CONSTRAINT schedules_priority_check CHECK (((priority >= '-100'::integer) AND (priority <= 100))),
    CONSTRAINT schedules_tzdata_check CHECK ((tzdata ~ '^[0-9]+(\.[0-9]+)*$'::text)),
    CONSTRAINT schedules_zone_check CHECK (((length(zone) >= 1) AND (length(zone) <= 64)))
);

ALTER TABLE ONLY public.schedules FORCE ROW LEVEL SECURITY;

CREATE VIEW public.slots_seen WITH (security_invoker='true') AS
 SELECT tenant_id,
    schedule_id,
    slot,
    local,
    outcome,
    is_manual,
    is_late,
    code,
    message,
    since,
    missed,
    job_id,
    subject,
    decided_at,
    COALESCE(( SELECT j.state
           FROM public.jobs j
          WHERE ((j.tenant_id = s.tenant_id) AND (j.id = s.job_id))), ( SELECT f.state
           FROM public.finished_jobs f
          WHERE ((f.tenant_id = s.tenant_id) AND (f.id = s.job_id))
          ORDER BY f.finished_at DESC
         LIMIT 1)) AS state
   FROM public.schedule_slots s;

CREATE VIEW public.schedules_seen WITH (security_invoker='true') AS
 SELECT s.tenant_id,
    s.id,
    s.name,
    s.cron,
    s.zone,
    s.kind,
    s.payload,
    s.period,
    s.source,
    s.priority,
    s.max_attempts,
    s.deadline_seconds,
    s.catch_up,
    s.overlap,
    s.starts_at,
    s.ends_at,
    s.owner_kind,
    s.owner_id,
    s.owner,
    s.owner_role,
    s.paused_at,
    s.paused_by,
    s.pause_reason,
    s.pause_ticket,
    s.next_at,
    s.decided_to,
    s.tzdata,
    s.version,
    s.created_at,
    s.updated_at,
    f.failures,
    f.failure,
    ( SELECT count(*) AS count
           FROM public.schedule_slots w
          WHERE ((w.tenant_id = s.tenant_id) AND (w.schedule_id = s.id) AND (w.outcome = 'waiting'::text))) AS waiting
   FROM (public.schedules s
     CROSS JOIN LATERAL ( SELECT count(*) FILTER (WHERE newest.is_unbroken) AS failures,
            min(newest.code) FILTER (WHERE (newest.is_unbroken AND (newest.place = 1))) AS failure
           FROM ( SELECT COALESCE(t.code, t.state) AS code,
                    bool_and(((t.outcome = 'failed'::text) OR (t.state = 'dead'::text))) OVER earlier AS is_unbroken,
                    row_number() OVER earlier AS place
                   FROM ( SELECT n.slot,
                            n.outcome,
                            n.code,
                            n.state
                           FROM public.slots_seen n
                          WHERE ((n.tenant_id = s.tenant_id) AND (n.schedule_id = s.id) AND (n.outcome = ANY (ARRAY['fired'::text, 'failed'::text])))
                          ORDER BY n.slot DESC
                         LIMIT 10) t
                  WHERE ((t.outcome = 'failed'::text) OR (t.state = ANY (ARRAY['completed'::text, 'dead'::text])))
                  WINDOW earlier AS (ORDER BY t.slot DESC)) newest) f);

CREATE TABLE public.schema_migrations (
    version integer NOT NULL,
    name text NOT NULL,
    digest bytea NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL,
    beside integer
);

CREATE TABLE public.signed_heads (
    tenant_id uuid NOT NULL,
    size bigint NOT NULL,
    root bytea NOT NULL,
    note text NOT NULL,
    signed_at timestamp with time zone DEFAULT public.lading_now() NOT NULL,
    CONSTRAINT signed_heads_root_check CHECK ((octet_length(root) = 32))
);

ALTER TABLE ONLY public.signed_heads FORCE ROW LEVEL SECURITY;

CREATE TABLE public.signing_key_logs (
    tenant_id uuid NOT NULL,
    keyid text NOT NULL,
    origin text NOT NULL,
    size bigint NOT NULL,
    CONSTRAINT signing_key_logs_keyid_check CHECK ((keyid ~ '^[0-9a-f]{64}$'::text)),
    CONSTRAINT signing_key_logs_size_check CHECK ((size >= 0))
);

ALTER TABLE ONLY public.signing_key_logs FORCE ROW LEVEL SECURITY;

CREATE TABLE public.signing_key_sizes (
    tenant_id uuid NOT NULL,
    keyid text NOT NULL,
    origin text NOT NULL,
    size bigint NOT NULL,
    root bytea,
    CONSTRAINT signing_key_sizes_keyid_check CHECK ((keyid ~ '^[0-9a-f]{64}$'::text)),
    CONSTRAINT signing_key_sizes_root_check CHECK ((octet_length(root) = 32)),
    CONSTRAINT signing_key_sizes_size_check CHECK ((size >= 0))
);

ALTER TABLE ONLY public.signing_key_sizes FORCE ROW LEVEL SECURITY;

CREATE TABLE public.signing_key_statements (
    digest bytea NOT NULL,
    told_at timestamp with time zone DEFAULT public.lading_now() NOT NULL,
    CONSTRAINT signing_key_statements_digest_check CHECK ((octet_length(digest) = 32))
);

CREATE TABLE public.sources (
    tenant_id uuid NOT NULL,
    name text NOT NULL,
    kind text NOT NULL,
    credentials_ref text,
    attachments_ref text,
    timeout_seconds integer DEFAULT 600 NOT NULL,
    version bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT public.lading_now() NOT NULL,
    updated_at timestamp with time zone DEFAULT public.lading_now() NOT NULL,
    options jsonb DEFAULT '{}'::jsonb NOT NULL,
    CONSTRAINT sources_attachments_ref_check CHECK ((attachments_ref ~ '^file:.+'::text)),
    CONSTRAINT sources_check CHECK (((credentials_ref IS NOT NULL) OR (kind <> ALL (ARRAY['postgresql'::text, 'mysql'::text])))),
    CONSTRAINT sources_check1 CHECK (((credentials_ref IS NOT NULL) OR (kind <> 'remote'::text))),
    CONSTRAINT sources_credentials_ref_check CHECK ((credentials_ref ~ '^(env|file|systemd|kubernetes):.+'::text)),
    CONSTRAINT sources_kind_check CHECK ((kind = ANY (ARRAY['postgresql'::text, 'mysql'::text, 'sqlite'::text, 'duckdb'::text, 'files'::text, 'objects'::text, 'http'::text, 'remote'::text]))),
    CONSTRAINT sources_name_check CHECK ((name ~ '^[a-z0-9][a-z0-9_-]{0,62}$'::text)),
    CONSTRAINT sources_options_check CHECK ((jsonb_typeof(options) = 'object'::text)),
    CONSTRAINT sources_timeout_seconds_check CHECK (((timeout_seconds >= 1) AND (timeout_seconds <= 86400)))
);

ALTER TABLE ONLY public.sources FORCE ROW LEVEL SECURITY;

CREATE TABLE public.tenants (
    tenant_id uuid NOT NULL,
    slug text NOT NULL,
    name text NOT NULL,
    created_at timestamp with time zone DEFAULT public.lading_now() NOT NULL,
    version bigint DEFAULT 1 NOT NULL,
    suspended_at timestamp with time zone,
    suspend_reason text,
    suspend_ticket text,
    pause_id uuid,
    CONSTRAINT tenants_check CHECK (((suspended_at IS NULL) = (suspend_reason IS NULL))),
    CONSTRAINT tenants_name_check CHECK ((name <> ''::text)),
    CONSTRAINT tenants_slug_check CHECK ((slug ~ '^[a-z0-9][a-z0-9-]{1,62}$'::text)),
    CONSTRAINT tenants_suspend_reason_check CHECK (((length(suspend_reason) >= 1) AND (length(suspend_reason) <= 500))),
    CONSTRAINT tenants_suspend_ticket_check CHECK ((length(suspend_ticket) <= 60))
);

ALTER TABLE ONLY public.tenants FORCE ROW LEVEL SECURITY;

CREATE TABLE public.turns (
    tenant_id uuid NOT NULL,
    next_at timestamp with time zone DEFAULT 'infinity'::timestamp with time zone NOT NULL
)
WITH (fillfactor='50', autovacuum_vacuum_scale_factor='0', autovacuum_vacuum_threshold='1000');

ALTER TABLE ONLY public.turns FORCE ROW LEVEL SECURITY;

CREATE TABLE public.upload_parts (
    tenant_id uuid NOT NULL,
    export_id uuid NOT NULL,
    destination text NOT NULL,
    number integer NOT NULL,
    size bigint NOT NULL,
    digest bytea NOT NULL,
    etag text NOT NULL,
    CONSTRAINT upload_parts_digest_check CHECK ((octet_length(digest) = 32)),
    CONSTRAINT upload_parts_number_check CHECK (((number >= 1) AND (number <= 50000))),
    CONSTRAINT upload_parts_size_check CHECK ((size > 0))
);

ALTER TABLE ONLY public.upload_parts FORCE ROW LEVEL SECURITY;

CREATE TABLE public.uploads (
    tenant_id uuid NOT NULL,
    export_id uuid NOT NULL,
    destination text NOT NULL,
    object_name text NOT NULL,
    upload_id text,
    digest bytea NOT NULL,
    part_bytes bigint NOT NULL,
    CONSTRAINT uploads_digest_check CHECK ((octet_length(digest) = 32)),
    CONSTRAINT uploads_part_bytes_check CHECK ((part_bytes > 0))
);

ALTER TABLE ONLY public.uploads FORCE ROW LEVEL SECURITY;

CREATE TABLE public.webhook_messages (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    webhook_id uuid NOT NULL,
    event_id bigint,
    type text NOT NULL,
    subject text NOT NULL,
    state text DEFAULT 'pending'::text NOT NULL,
    job_id uuid NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    status integer,
    error text,
    created_at timestamp with time zone DEFAULT public.lading_now() NOT NULL,
    tried_at timestamp with time zone,
    ended_at timestamp with time zone,
    CONSTRAINT webhook_messages_attempts_check CHECK ((attempts >= 0)),
    CONSTRAINT webhook_messages_check CHECK (((state = 'pending'::text) = (ended_at IS NULL))),
    CONSTRAINT webhook_messages_error_check CHECK ((length(error) <= 300)),
    CONSTRAINT webhook_messages_event_id_check CHECK ((event_id > 0)),
    CONSTRAINT webhook_messages_state_check CHECK ((state = ANY (ARRAY['pending'::text, 'delivered'::text, 'failed'::text, 'cancelled'::text]))),
    CONSTRAINT webhook_messages_status_check CHECK (((status >= 100) AND (status <= 999)))
);

ALTER TABLE ONLY public.webhook_messages FORCE ROW LEVEL SECURITY;

CREATE TABLE public.webhooks (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    url text NOT NULL,
    topics text[] DEFAULT '{}'::text[] NOT NULL,
    types text[] DEFAULT '{}'::text[] NOT NULL,
    format text DEFAULT 'standard'::text NOT NULL,
    description text DEFAULT ''::text NOT NULL,
    timeout_seconds integer DEFAULT 15 NOT NULL,
    is_enabled boolean DEFAULT true NOT NULL,
    disabled_because text,
    secret bytea NOT NULL,
    old_secret bytea,
    old_until timestamp with time zone,
    place bigint NOT NULL,
    failing_since timestamp with time zone,
    version bigint DEFAULT 1 NOT NULL,
    created_by text NOT NULL,
    created_at timestamp with time zone DEFAULT public.lading_now() NOT NULL,
    updated_at timestamp with time zone DEFAULT public.lading_now() NOT NULL,
    CONSTRAINT webhooks_check CHECK (((cardinality(topics) + cardinality(types)) > 0)),
    CONSTRAINT webhooks_check1 CHECK (((old_secret IS NULL) = (old_until IS NULL))),
    CONSTRAINT webhooks_check2 CHECK ((is_enabled = (disabled_because IS NULL))),
    CONSTRAINT webhooks_description_check CHECK ((length(description) <= 200)),
    CONSTRAINT webhooks_disabled_because_check CHECK ((disabled_because = ANY (ARRAY['asked'::text, 'gone'::text, 'failing'::text]))),
    CONSTRAINT webhooks_format_check CHECK ((format = ANY (ARRAY['standard'::text, 'cloudevents'::text]))),
    CONSTRAINT webhooks_old_secret_check CHECK (((octet_length(old_secret) >= 40) AND (octet_length(old_secret) <= 200))),
    CONSTRAINT webhooks_place_check CHECK ((place >= 0)),
    CONSTRAINT webhooks_secret_check CHECK (((octet_length(secret) >= 40) AND (octet_length(secret) <= 200))),
    CONSTRAINT webhooks_timeout_seconds_check CHECK (((timeout_seconds >= 1) AND (timeout_seconds <= 30))),
    CONSTRAINT webhooks_topics_check CHECK ((cardinality(topics) <= 20)),
    CONSTRAINT webhooks_types_check CHECK ((cardinality(types) <= 50)),
    CONSTRAINT webhooks_url_check CHECK (((length(url) >= 8) AND (length(url) <= 2000)))
);

ALTER TABLE ONLY public.webhooks FORCE ROW LEVEL SECURITY;

ALTER TABLE ONLY public.finished_jobs ATTACH PARTITION public.finished_jobs_default DEFAULT;

ALTER TABLE ONLY public.allocations
    ADD CONSTRAINT allocations_pkey PRIMARY KEY (tenant_id);

ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT api_keys_pkey PRIMARY KEY (tenant_id, id);

ALTER TABLE ONLY public.approvals
    ADD CONSTRAINT approvals_pkey PRIMARY KEY (tenant_id, export_id);

ALTER TABLE ONLY public.artifacts
    ADD CONSTRAINT artifacts_pkey PRIMARY KEY (tenant_id, export_id, name);

ALTER TABLE ONLY public.attempts
    ADD CONSTRAINT attempts_pkey PRIMARY KEY (tenant_id, job_id, attempt);

ALTER TABLE ONLY public.breakers
    ADD CONSTRAINT breakers_pkey PRIMARY KEY (tenant_id, host);

ALTER TABLE ONLY public.buckets
    ADD CONSTRAINT buckets_pkey PRIMARY KEY (tenant_id, host);

ALTER TABLE ONLY public.call_quotas
    ADD CONSTRAINT call_quotas_pkey PRIMARY KEY (tenant_id, name);

ALTER TABLE ONLY public.checkpoints
    ADD CONSTRAINT checkpoints_pkey PRIMARY KEY (tenant_id, export_id, stage);

ALTER TABLE ONLY public.dead_letters
    ADD CONSTRAINT dead_letters_pkey PRIMARY KEY (tenant_id, job_id);

ALTER TABLE ONLY public.deliveries
    ADD CONSTRAINT deliveries_pkey PRIMARY KEY (tenant_id, export_id, destination);

ALTER TABLE ONLY public.destinations
    ADD CONSTRAINT destinations_pkey PRIMARY KEY (tenant_id, name);

ALTER TABLE ONLY public.disclosures
    ADD CONSTRAINT disclosures_pkey PRIMARY KEY (tenant_id, commitment);

ALTER TABLE ONLY public.export_pages
    ADD CONSTRAINT export_pages_pkey PRIMARY KEY (tenant_id, export_id, mark, number);

ALTER TABLE ONLY public.export_parts
    ADD CONSTRAINT export_parts_pkey PRIMARY KEY (tenant_id, export_id, number);

ALTER TABLE ONLY public.exports
    ADD CONSTRAINT exports_pkey PRIMARY KEY (tenant_id, id);

ALTER TABLE ONLY public.finished_jobs
    ADD CONSTRAINT finished_jobs_pkey PRIMARY KEY (tenant_id, id, finished_at);

ALTER TABLE ONLY public.finished_jobs_default
    ADD CONSTRAINT finished_jobs_default_pkey PRIMARY KEY (tenant_id, id, finished_at);

ALTER TABLE ONLY public.handouts
    ADD CONSTRAINT handouts_pkey PRIMARY KEY (tenant_id, id);

ALTER TABLE ONLY public.holds
    ADD CONSTRAINT holds_pkey PRIMARY KEY (tenant_id, id);

ALTER TABLE ONLY public.idempotency_keys
    ADD CONSTRAINT idempotency_keys_pkey PRIMARY KEY (tenant_id, key);

ALTER TABLE ONLY public.identity_providers
    ADD CONSTRAINT identity_providers_pkey PRIMARY KEY (tenant_id, name);

ALTER TABLE ONLY public.identity_providers
    ADD CONSTRAINT identity_providers_tenant_id_issuer_audience_key UNIQUE (tenant_id, issuer, audience);

ALTER TABLE ONLY public.instance_epochs
    ADD CONSTRAINT instance_epochs_origin_key UNIQUE (origin);

ALTER TABLE ONLY public.instance_epochs
    ADD CONSTRAINT instance_epochs_pkey PRIMARY KEY (epoch);

ALTER TABLE ONLY public.instance_heads
    ADD CONSTRAINT instance_heads_pkey PRIMARY KEY (size);

ALTER TABLE ONLY public.instance_leaves
    ADD CONSTRAINT instance_leaves_pkey PRIMARY KEY (index);

ALTER TABLE ONLY public.instance_log
    ADD CONSTRAINT instance_log_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.instance_tiles
    ADD CONSTRAINT instance_tiles_pkey PRIMARY KEY (epoch, level, n);

ALTER TABLE ONLY public.instance_time_stamps
    ADD CONSTRAINT instance_time_stamps_pkey PRIMARY KEY (size);

ALTER TABLE ONLY public.jobs
    ADD CONSTRAINT jobs_pkey PRIMARY KEY (tenant_id, id) WITH (fillfactor='45');

ALTER TABLE ONLY public.lanes
    ADD CONSTRAINT lanes_pkey PRIMARY KEY (tenant_id, kind, host);

ALTER TABLE ONLY public.leases
    ADD CONSTRAINT leases_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.ledger_checks
    ADD CONSTRAINT ledger_checks_pkey PRIMARY KEY (tenant_id);

ALTER TABLE ONLY public.ledger_entries
    ADD CONSTRAINT ledger_entries_pkey PRIMARY KEY (tenant_id, index);

ALTER TABLE ONLY public.ledger_epochs
    ADD CONSTRAINT ledger_epochs_origin_key UNIQUE (origin);

ALTER TABLE ONLY public.ledger_epochs
    ADD CONSTRAINT ledger_epochs_pkey PRIMARY KEY (tenant_id, epoch);

ALTER TABLE ONLY public.ledger_pending
    ADD CONSTRAINT ledger_pending_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.ledger_tiles
    ADD CONSTRAINT ledger_tiles_pkey PRIMARY KEY (tenant_id, epoch, level, n);

ALTER TABLE ONLY public.ledger_trees
    ADD CONSTRAINT ledger_trees_origin_key UNIQUE (origin);

ALTER TABLE ONLY public.ledger_trees
    ADD CONSTRAINT ledger_trees_pkey PRIMARY KEY (tenant_id);

ALTER TABLE ONLY public.logged_heads
    ADD CONSTRAINT logged_heads_pkey PRIMARY KEY (tenant_id, size);

ALTER TABLE ONLY public.login_refusals
    ADD CONSTRAINT login_refusals_pkey PRIMARY KEY (tenant_id, subject, reason);

ALTER TABLE ONLY public.members
    ADD CONSTRAINT members_pkey PRIMARY KEY (tenant_id, id);

ALTER TABLE ONLY public.objects
    ADD CONSTRAINT objects_pkey PRIMARY KEY (tenant_id, digest);

ALTER TABLE ONLY public.objects
    ADD CONSTRAINT objects_tenant_id_blob_key_key UNIQUE (tenant_id, blob_key);

ALTER TABLE ONLY public.objects
    ADD CONSTRAINT objects_tenant_id_digest_state_key UNIQUE (tenant_id, digest, state);

ALTER TABLE ONLY public.pauses
    ADD CONSTRAINT pauses_pkey PRIMARY KEY (tenant_id, id);

ALTER TABLE ONLY public.placement_parts
    ADD CONSTRAINT placement_parts_pkey PRIMARY KEY (tenant_id, blob_key, number);

ALTER TABLE ONLY public.placements
    ADD CONSTRAINT placements_pkey PRIMARY KEY (tenant_id, blob_key);

ALTER TABLE ONLY public.placements
    ADD CONSTRAINT placements_tenant_id_job_id_digest_key UNIQUE (tenant_id, job_id, digest);

ALTER TABLE ONLY public.policies
    ADD CONSTRAINT policies_pkey PRIMARY KEY (tenant_id, name);

ALTER TABLE ONLY public.policy_activations
    ADD CONSTRAINT policy_activations_pkey PRIMARY KEY (tenant_id, name, version);

ALTER TABLE ONLY public.policy_revisions
    ADD CONSTRAINT policy_revisions_pkey PRIMARY KEY (tenant_id, name, revision);

ALTER TABLE ONLY public.policy_revisions
    ADD CONSTRAINT policy_revisions_tenant_id_name_digest_key UNIQUE (tenant_id, name, digest);

ALTER TABLE ONLY public.profile_activations
    ADD CONSTRAINT profile_activations_pkey PRIMARY KEY (tenant_id, name, version);

ALTER TABLE ONLY public.profile_revisions
    ADD CONSTRAINT profile_revisions_pkey PRIMARY KEY (tenant_id, name, revision);

ALTER TABLE ONLY public.profile_revisions
    ADD CONSTRAINT profile_revisions_tenant_id_name_digest_key UNIQUE (tenant_id, name, digest);

ALTER TABLE ONLY public.profiles
    ADD CONSTRAINT profiles_pkey PRIMARY KEY (tenant_id, name);

ALTER TABLE ONLY public.quotas
    ADD CONSTRAINT quotas_pkey PRIMARY KEY (tenant_id, kind);

ALTER TABLE ONLY public.refusals
    ADD CONSTRAINT refusals_pkey PRIMARY KEY (tenant_id);

ALTER TABLE ONLY public.retention_rules
    ADD CONSTRAINT retention_rules_pkey PRIMARY KEY (tenant_id, scope, target);

ALTER TABLE ONLY public.retry_budgets
    ADD CONSTRAINT retry_budgets_pkey PRIMARY KEY (tenant_id, host);

ALTER TABLE ONLY public.retry_policies
    ADD CONSTRAINT retry_policies_pkey PRIMARY KEY (tenant_id, kind, class);

ALTER TABLE ONLY public.run_edges
    ADD CONSTRAINT run_edges_pkey PRIMARY KEY (tenant_id, run_id, parent, child);

ALTER TABLE ONLY public.run_nodes
    ADD CONSTRAINT run_nodes_pkey PRIMARY KEY (tenant_id, run_id, key);

ALTER TABLE ONLY public.runs
    ADD CONSTRAINT runs_pkey PRIMARY KEY (tenant_id, id);

ALTER TABLE ONLY public.schedule_slots
    ADD CONSTRAINT schedule_slots_pkey PRIMARY KEY (tenant_id, schedule_id, slot);

ALTER TABLE ONLY public.schedules
    ADD CONSTRAINT schedules_pkey PRIMARY KEY (tenant_id, id);

ALTER TABLE ONLY public.schedules
    ADD CONSTRAINT schedules_tenant_id_name_key UNIQUE (tenant_id, name);

ALTER TABLE ONLY public.schema_migrations
    ADD CONSTRAINT schema_migrations_pkey PRIMARY KEY (version);

ALTER TABLE ONLY public.signed_heads
    ADD CONSTRAINT signed_heads_pkey PRIMARY KEY (tenant_id, size);

ALTER TABLE ONLY public.signing_key_logs
    ADD CONSTRAINT signing_key_logs_pkey PRIMARY KEY (tenant_id, keyid, origin);

ALTER TABLE ONLY public.signing_key_sizes
    ADD CONSTRAINT signing_key_sizes_pkey PRIMARY KEY (tenant_id, keyid);

ALTER TABLE ONLY public.signing_key_statements
    ADD CONSTRAINT signing_key_statements_pkey PRIMARY KEY (digest);

ALTER TABLE ONLY public.sources
    ADD CONSTRAINT sources_pkey PRIMARY KEY (tenant_id, name);

ALTER TABLE ONLY public.tenants
    ADD CONSTRAINT tenants_pkey PRIMARY KEY (tenant_id);

ALTER TABLE ONLY public.tenants
    ADD CONSTRAINT tenants_slug_key UNIQUE (slug);

ALTER TABLE ONLY public.turns
    ADD CONSTRAINT turns_pkey PRIMARY KEY (tenant_id);

ALTER TABLE ONLY public.upload_parts
    ADD CONSTRAINT upload_parts_pkey PRIMARY KEY (tenant_id, export_id, destination, number);

ALTER TABLE ONLY public.uploads
    ADD CONSTRAINT uploads_pkey PRIMARY KEY (tenant_id, export_id, destination);

ALTER TABLE ONLY public.webhook_messages
    ADD CONSTRAINT webhook_messages_pkey PRIMARY KEY (tenant_id, id);

ALTER TABLE ONLY public.webhooks
    ADD CONSTRAINT webhooks_pkey PRIMARY KEY (tenant_id, id);

CREATE UNIQUE INDEX api_keys_id ON public.api_keys USING btree (id);

CREATE INDEX artifacts_digest ON public.artifacts USING btree (tenant_id, digest);

CREATE INDEX artifacts_older ON public.artifacts USING btree (digest) WHERE (object_state IS NULL);

CREATE INDEX attempts_ended ON public.attempts USING btree (ended_at);

CREATE INDEX dead_letters_open ON public.dead_letters USING btree (tenant_id, died_at DESC, job_id) WHERE (state = 'open'::text);

CREATE INDEX deliveries_open ON public.deliveries USING btree (tenant_id, destination) WHERE (status = ANY (ARRAY['pending'::text, 'running'::text]));

CREATE INDEX disclosures_about ON public.disclosures USING btree (tenant_id, about) WHERE (about IS NOT NULL);

CREATE INDEX disclosures_actor ON public.disclosures USING btree (tenant_id, actor_id);

CREATE INDEX disclosures_subject ON public.disclosures USING btree (tenant_id, subject);

CREATE INDEX exports_bundles ON public.exports USING btree (tenant_id, id) WHERE (type = 'audit_bundle'::text);

CREATE INDEX exports_due ON public.exports USING btree (tenant_id, expires_at, id) WHERE ((status = 'completed'::text) AND (deleted_at IS NULL));

CREATE INDEX exports_open ON public.exports USING btree (tenant_id) WHERE ((status = ANY (ARRAY['pending'::text, 'running'::text])) AND (deleted_at IS NULL));

CREATE INDEX exports_period ON public.exports USING btree (tenant_id, profile, period_from, period_to) WHERE (status = 'completed'::text);

CREATE INDEX exports_schedule ON public.exports USING btree (tenant_id, schedule_id, id) WHERE (schedule_id IS NOT NULL);

CREATE INDEX exports_unapproved ON public.exports USING btree (tenant_id, job_id) WHERE (approval = 'pending'::text);

CREATE INDEX finished_jobs_code ON ONLY public.finished_jobs USING btree (tenant_id, code, id) WHERE (code IS NOT NULL);

CREATE INDEX finished_jobs_default_tenant_id_code_id_idx ON public.finished_jobs_default USING btree (tenant_id, code, id) WHERE (code IS NOT NULL);

CREATE INDEX finished_jobs_run ON ONLY public.finished_jobs USING btree (tenant_id, run_id) WHERE (run_id IS NOT NULL);

CREATE INDEX finished_jobs_default_tenant_id_run_id_idx ON public.finished_jobs_default USING btree (tenant_id, run_id) WHERE (run_id IS NOT NULL);

CREATE INDEX handouts_export ON public.handouts USING btree (tenant_id, export_id);

CREATE INDEX holds_active ON public.holds USING btree (tenant_id, id) WHERE (lifted_at IS NULL);

CREATE INDEX identity_providers_issuer ON public.identity_providers USING btree (issuer);

CREATE INDEX jobs_cancel_requested ON public.jobs USING btree (lease_id) WHERE ((state = 'running'::text) AND (cancel_requested_at IS NOT NULL));

CREATE INDEX jobs_lane_pending ON public.jobs USING btree (tenant_id, kind, host, priority DESC, sequence) WHERE (state = 'pending'::text);

CREATE INDEX jobs_run ON public.jobs USING btree (tenant_id, run_id, id) WHERE (run_id IS NOT NULL);

CREATE INDEX jobs_running ON public.jobs USING btree (tenant_id, kind, lease_id) WHERE (state = 'running'::text);

CREATE INDEX jobs_scheduled ON public.jobs USING btree (due_at) WHERE (state = 'scheduled'::text);

CREATE INDEX jobs_solo ON public.jobs USING btree (tenant_id, kind, host, priority DESC, sequence) WHERE ((state = 'pending'::text) AND is_solo);

CREATE INDEX jobs_unwanted ON public.jobs USING btree (tenant_id, run_id, id) WHERE ((cancel_requested_at IS NOT NULL) AND (state <> 'running'::text));

CREATE INDEX leases_until ON public.leases USING btree (lease_until) WHERE (state = 'active'::text);

CREATE INDEX ledger_entries_at ON public.ledger_entries USING btree (tenant_id, at);

CREATE INDEX ledger_entries_subject ON public.ledger_entries USING btree (tenant_id, subject, index);

CREATE UNIQUE INDEX members_email ON public.members USING btree (tenant_id, email) WHERE (removed_at IS NULL);

CREATE INDEX members_person ON public.members USING btree (issuer, subject);

CREATE UNIQUE INDEX members_subject ON public.members USING btree (tenant_id, issuer, subject);

CREATE INDEX objects_tombstoned ON public.objects USING btree (tombstoned_at) WHERE (state = 'tombstoned'::text);

CREATE INDEX pauses_target ON public.pauses USING btree (tenant_id, scope, target);

CREATE INDEX run_edges_parent ON public.run_edges USING btree (tenant_id, parent_job) WHERE (parent_job IS NOT NULL);

CREATE UNIQUE INDEX run_nodes_job ON public.run_nodes USING btree (tenant_id, job_id) WHERE (job_id IS NOT NULL);

CREATE INDEX runs_running ON public.runs USING btree (tenant_id, id) WHERE (state = 'running'::text);

CREATE INDEX schedule_slots_job ON public.schedule_slots USING btree (tenant_id, job_id);

CREATE INDEX schedule_slots_made ON public.schedule_slots USING btree (tenant_id, schedule_id, slot) WHERE (outcome = ANY (ARRAY['fired'::text, 'failed'::text]));

CREATE INDEX schedule_slots_old ON public.schedule_slots USING btree (decided_at);

CREATE INDEX schedule_slots_waiting ON public.schedule_slots USING btree (tenant_id, schedule_id, slot) WHERE (outcome = 'waiting'::text);

CREATE INDEX schedules_due ON public.schedules USING btree (next_at) WHERE (next_at IS NOT NULL);

CREATE INDEX turns_next ON public.turns USING btree (next_at);

CREATE UNIQUE INDEX webhook_messages_event ON public.webhook_messages USING btree (tenant_id, webhook_id, event_id);

CREATE INDEX webhook_messages_log ON public.webhook_messages USING btree (tenant_id, webhook_id, id);

CREATE INDEX webhook_messages_old ON public.webhook_messages USING btree (ended_at) WHERE (ended_at IS NOT NULL);

CREATE INDEX webhook_messages_pending ON public.webhook_messages USING btree (tenant_id, webhook_id) WHERE (state = 'pending'::text);

ALTER INDEX public.finished_jobs_pkey ATTACH PARTITION public.finished_jobs_default_pkey;

ALTER INDEX public.finished_jobs_code ATTACH PARTITION public.finished_jobs_default_tenant_id_code_id_idx;

ALTER INDEX public.finished_jobs_run ATTACH PARTITION public.finished_jobs_default_tenant_id_run_id_idx;

CREATE TRIGGER disclosures_unchanged BEFORE UPDATE ON public.disclosures FOR EACH ROW EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER exports_transition BEFORE UPDATE OF status ON public.exports FOR EACH ROW EXECUTE FUNCTION public.check_export_transition();

CREATE TRIGGER instance_epochs_append_only BEFORE DELETE OR UPDATE ON public.instance_epochs FOR EACH ROW EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER instance_epochs_kept BEFORE TRUNCATE ON public.instance_epochs FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER instance_heads_append_only BEFORE DELETE OR UPDATE ON public.instance_heads FOR EACH ROW EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER instance_heads_kept BEFORE TRUNCATE ON public.instance_heads FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER instance_leaves_append_only BEFORE DELETE OR UPDATE ON public.instance_leaves FOR EACH ROW EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER instance_leaves_kept BEFORE TRUNCATE ON public.instance_leaves FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER instance_tiles_append_only BEFORE DELETE OR UPDATE ON public.instance_tiles FOR EACH ROW EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER instance_tiles_kept BEFORE TRUNCATE ON public.instance_tiles FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER instance_time_stamps_append_only BEFORE DELETE OR UPDATE ON public.instance_time_stamps FOR EACH ROW EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER instance_time_stamps_kept BEFORE TRUNCATE ON public.instance_time_stamps FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER jobs_wake_delete AFTER DELETE ON public.jobs REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION public.wake_after_delete();

CREATE TRIGGER jobs_wake_insert AFTER INSERT ON public.jobs REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.wake_after_insert();

CREATE TRIGGER jobs_wake_update AFTER UPDATE ON public.jobs FOR EACH ROW WHEN ((((new.state = 'pending'::text) AND (old.state <> 'pending'::text)) OR ((old.state = 'running'::text) AND (new.state <> 'running'::text)))) EXECUTE FUNCTION public.wake_after_update();

CREATE TRIGGER ledger_entries_append_only BEFORE UPDATE ON public.ledger_entries FOR EACH ROW EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER ledger_entries_kept BEFORE TRUNCATE ON public.ledger_entries FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER ledger_entries_pruned BEFORE DELETE ON public.ledger_entries FOR EACH ROW EXECUTE FUNCTION public.refuse_unless_pruned();

CREATE TRIGGER ledger_epochs_append_only BEFORE DELETE OR UPDATE ON public.ledger_epochs FOR EACH ROW EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER ledger_epochs_kept BEFORE TRUNCATE ON public.ledger_epochs FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER ledger_pending_kept BEFORE TRUNCATE ON public.ledger_pending FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER ledger_pending_unchanged BEFORE UPDATE ON public.ledger_pending FOR EACH ROW EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER ledger_tiles_append_only BEFORE DELETE OR UPDATE ON public.ledger_tiles FOR EACH ROW EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER ledger_tiles_kept BEFORE TRUNCATE ON public.ledger_tiles FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER ledger_trees_grow BEFORE UPDATE ON public.ledger_trees FOR EACH ROW EXECUTE FUNCTION public.refuse_to_shrink();

CREATE TRIGGER ledger_trees_kept BEFORE TRUNCATE ON public.ledger_trees FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER ledger_trees_stay BEFORE DELETE ON public.ledger_trees FOR EACH ROW EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER logged_heads_append_only BEFORE DELETE OR UPDATE ON public.logged_heads FOR EACH ROW EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER logged_heads_kept BEFORE TRUNCATE ON public.logged_heads FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER policy_revisions_immutable BEFORE DELETE OR UPDATE ON public.policy_revisions FOR EACH ROW EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER policy_revisions_kept BEFORE TRUNCATE ON public.policy_revisions FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER profile_revisions_immutable BEFORE DELETE OR UPDATE ON public.profile_revisions FOR EACH ROW EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER profile_revisions_kept BEFORE TRUNCATE ON public.profile_revisions FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER signed_heads_append_only BEFORE DELETE OR UPDATE ON public.signed_heads FOR EACH ROW EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER signed_heads_kept BEFORE TRUNCATE ON public.signed_heads FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

ALTER TABLE ONLY public.allocations
    ADD CONSTRAINT allocations_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(tenant_id);

ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT api_keys_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(tenant_id);

ALTER TABLE ONLY public.approvals
    ADD CONSTRAINT approvals_tenant_id_export_id_fkey FOREIGN KEY (tenant_id, export_id) REFERENCES public.exports(tenant_id, id);

ALTER TABLE ONLY public.artifacts
    ADD CONSTRAINT artifacts_tenant_id_digest_object_state_fkey FOREIGN KEY (tenant_id, digest, object_state) REFERENCES public.objects(tenant_id, digest, state);

ALTER TABLE ONLY public.artifacts
    ADD CONSTRAINT artifacts_tenant_id_export_id_fkey FOREIGN KEY (tenant_id, export_id) REFERENCES public.exports(tenant_id, id);

ALTER TABLE ONLY public.breakers
    ADD CONSTRAINT breakers_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(tenant_id);

ALTER TABLE ONLY public.buckets
    ADD CONSTRAINT buckets_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(tenant_id);

ALTER TABLE ONLY public.call_quotas
    ADD CONSTRAINT call_quotas_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(tenant_id);

ALTER TABLE ONLY public.checkpoints
    ADD CONSTRAINT checkpoints_tenant_id_export_id_fkey FOREIGN KEY (tenant_id, export_id) REFERENCES public.exports(tenant_id, id);

ALTER TABLE ONLY public.dead_letters
    ADD CONSTRAINT dead_letters_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(tenant_id);

ALTER TABLE ONLY public.deliveries
    ADD CONSTRAINT deliveries_tenant_id_export_id_fkey FOREIGN KEY (tenant_id, export_id) REFERENCES public.exports(tenant_id, id);

ALTER TABLE ONLY public.destinations
    ADD CONSTRAINT destinations_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(tenant_id);

ALTER TABLE ONLY public.disclosures
    ADD CONSTRAINT disclosures_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(tenant_id);

ALTER TABLE ONLY public.export_pages
    ADD CONSTRAINT export_pages_tenant_id_export_id_fkey FOREIGN KEY (tenant_id, export_id) REFERENCES public.exports(tenant_id, id);

ALTER TABLE ONLY public.export_parts
    ADD CONSTRAINT export_parts_tenant_id_export_id_fkey FOREIGN KEY (tenant_id, export_id) REFERENCES public.exports(tenant_id, id);

ALTER TABLE ONLY public.exports
    ADD CONSTRAINT exports_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(tenant_id);

ALTER TABLE ONLY public.exports
    ADD CONSTRAINT exports_tenant_id_profile_revision_fkey FOREIGN KEY (tenant_id, profile, revision) REFERENCES public.profile_revisions(tenant_id, name, revision);

ALTER TABLE ONLY public.handouts
    ADD CONSTRAINT handouts_tenant_id_export_id_fkey FOREIGN KEY (tenant_id, export_id) REFERENCES public.exports(tenant_id, id);

ALTER TABLE ONLY public.holds
    ADD CONSTRAINT holds_tenant_id_export_id_fkey FOREIGN KEY (tenant_id, export_id) REFERENCES public.exports(tenant_id, id);

ALTER TABLE ONLY public.holds
    ADD CONSTRAINT holds_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(tenant_id);

ALTER TABLE ONLY public.idempotency_keys
    ADD CONSTRAINT idempotency_keys_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(tenant_id);

ALTER TABLE ONLY public.identity_providers
    ADD CONSTRAINT identity_providers_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(tenant_id);

ALTER TABLE ONLY public.instance_time_stamps
    ADD CONSTRAINT instance_time_stamps_size_fkey FOREIGN KEY (size) REFERENCES public.instance_heads(size);

ALTER TABLE ONLY public.jobs
    ADD CONSTRAINT jobs_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(tenant_id);

ALTER TABLE ONLY public.lanes
    ADD CONSTRAINT lanes_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(tenant_id);

ALTER TABLE ONLY public.ledger_checks
    ADD CONSTRAINT ledger_checks_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(tenant_id);

ALTER TABLE ONLY public.ledger_entries
    ADD CONSTRAINT ledger_entries_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(tenant_id);

ALTER TABLE ONLY public.ledger_epochs
    ADD CONSTRAINT ledger_epochs_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(tenant_id);

ALTER TABLE ONLY public.ledger_pending
    ADD CONSTRAINT ledger_pending_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(tenant_id);

ALTER TABLE ONLY public.ledger_tiles
    ADD CONSTRAINT ledger_tiles_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(tenant_id);

ALTER TABLE ONLY public.ledger_trees
    ADD CONSTRAINT ledger_trees_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(tenant_id);

ALTER TABLE ONLY public.logged_heads
    ADD CONSTRAINT logged_heads_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(tenant_id);

ALTER TABLE ONLY public.login_refusals
    ADD CONSTRAINT login_refusals_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(tenant_id);

ALTER TABLE ONLY public.members
    ADD CONSTRAINT members_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(tenant_id);

ALTER TABLE ONLY public.objects
    ADD CONSTRAINT objects_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(tenant_id);

ALTER TABLE ONLY public.pauses
    ADD CONSTRAINT pauses_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(tenant_id);

ALTER TABLE ONLY public.placement_parts
    ADD CONSTRAINT placement_parts_tenant_id_blob_key_fkey FOREIGN KEY (tenant_id, blob_key) REFERENCES public.placements(tenant_id, blob_key) ON DELETE CASCADE;

ALTER TABLE ONLY public.placements
    ADD CONSTRAINT placements_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(tenant_id);

ALTER TABLE ONLY public.policies
    ADD CONSTRAINT policies_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(tenant_id);

ALTER TABLE ONLY public.policies
    ADD CONSTRAINT policies_tenant_id_name_active_revision_fkey FOREIGN KEY (tenant_id, name, active_revision) REFERENCES public.policy_revisions(tenant_id, name, revision);

ALTER TABLE ONLY public.policy_activations
    ADD CONSTRAINT policy_activations_tenant_id_name_revision_fkey FOREIGN KEY (tenant_id, name, revision) REFERENCES public.policy_revisions(tenant_id, name, revision);

ALTER TABLE ONLY public.policy_revisions
    ADD CONSTRAINT policy_revisions_tenant_id_name_fkey FOREIGN KEY (tenant_id, name) REFERENCES public.policies(tenant_id, name);

ALTER TABLE ONLY public.profile_activations
    ADD CONSTRAINT profile_activations_tenant_id_name_revision_fkey FOREIGN KEY (tenant_id, name, revision) REFERENCES public.profile_revisions(tenant_id, name, revision);

ALTER TABLE ONLY public.profile_revisions
    ADD CONSTRAINT profile_revisions_tenant_id_name_fkey FOREIGN KEY (tenant_id, name) REFERENCES public.profiles(tenant_id, name);

ALTER TABLE ONLY public.profiles
    ADD CONSTRAINT profiles_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(tenant_id);

ALTER TABLE ONLY public.profiles
    ADD CONSTRAINT profiles_tenant_id_name_active_revision_fkey FOREIGN KEY (tenant_id, name, active_revision) REFERENCES public.profile_revisions(tenant_id, name, revision);

ALTER TABLE ONLY public.quotas
    ADD CONSTRAINT quotas_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(tenant_id);

ALTER TABLE ONLY public.refusals
    ADD CONSTRAINT refusals_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(tenant_id);

ALTER TABLE ONLY public.retention_rules
    ADD CONSTRAINT retention_rules_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(tenant_id);

ALTER TABLE ONLY public.retry_budgets
    ADD CONSTRAINT retry_budgets_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(tenant_id);

ALTER TABLE ONLY public.retry_policies
    ADD CONSTRAINT retry_policies_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(tenant_id);

ALTER TABLE ONLY public.run_edges
    ADD CONSTRAINT run_edges_tenant_id_run_id_fkey FOREIGN KEY (tenant_id, run_id) REFERENCES public.runs(tenant_id, id);

ALTER TABLE ONLY public.run_nodes
    ADD CONSTRAINT run_nodes_tenant_id_run_id_fkey FOREIGN KEY (tenant_id, run_id) REFERENCES public.runs(tenant_id, id);

ALTER TABLE ONLY public.runs
    ADD CONSTRAINT runs_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(tenant_id);

ALTER TABLE ONLY public.schedule_slots
    ADD CONSTRAINT schedule_slots_tenant_id_schedule_id_fkey FOREIGN KEY (tenant_id, schedule_id) REFERENCES public.schedules(tenant_id, id) ON DELETE CASCADE;

ALTER TABLE ONLY public.schedules
    ADD CONSTRAINT schedules_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(tenant_id);

ALTER TABLE ONLY public.signed_heads
    ADD CONSTRAINT signed_heads_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(tenant_id);

ALTER TABLE ONLY public.signing_key_logs
    ADD CONSTRAINT signing_key_logs_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(tenant_id);

ALTER TABLE ONLY public.signing_key_sizes
    ADD CONSTRAINT signing_key_sizes_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(tenant_id);

ALTER TABLE ONLY public.sources
    ADD CONSTRAINT sources_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(tenant_id);

ALTER TABLE ONLY public.turns
    ADD CONSTRAINT turns_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(tenant_id);

ALTER TABLE ONLY public.upload_parts
    ADD CONSTRAINT upload_parts_tenant_id_export_id_destination_fkey FOREIGN KEY (tenant_id, export_id, destination) REFERENCES public.uploads(tenant_id, export_id, destination) ON DELETE CASCADE;

ALTER TABLE ONLY public.uploads
    ADD CONSTRAINT uploads_tenant_id_export_id_destination_fkey FOREIGN KEY (tenant_id, export_id, destination) REFERENCES public.deliveries(tenant_id, export_id, destination);

ALTER TABLE ONLY public.webhook_messages
    ADD CONSTRAINT webhook_messages_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(tenant_id);

ALTER TABLE ONLY public.webhook_messages
    ADD CONSTRAINT webhook_messages_tenant_id_webhook_id_fkey FOREIGN KEY (tenant_id, webhook_id) REFERENCES public.webhooks(tenant_id, id) ON DELETE CASCADE;

ALTER TABLE ONLY public.webhooks
    ADD CONSTRAINT webhooks_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(tenant_id);

ALTER TABLE public.allocations ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.api_keys ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.approvals ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.artifacts ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.attempts ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.breakers ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.buckets ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.call_quotas ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.checkpoints ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.dead_letters ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.deliveries ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.destinations ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.disclosures ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.export_pages ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.export_parts ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.exports ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.finished_jobs ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.finished_jobs_default ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.handouts ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.holds ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.idempotency_keys ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.identity_providers ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.jobs ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.lanes ENABLE ROW LEVEL SECURITY;

CREATE POLICY ledger ON public.disclosures TO lading_ledger USING (true) WITH CHECK (true);

CREATE POLICY ledger ON public.exports FOR SELECT TO lading_ledger USING (true);

CREATE POLICY ledger ON public.holds FOR SELECT TO lading_ledger USING (true);

CREATE POLICY ledger ON public.ledger_checks TO lading_ledger USING (true) WITH CHECK (true);

CREATE POLICY ledger ON public.ledger_entries TO lading_ledger USING (true) WITH CHECK (true);

CREATE POLICY ledger ON public.ledger_epochs TO lading_ledger USING (true) WITH CHECK (true);

CREATE POLICY ledger ON public.ledger_pending TO lading_ledger USING (true);

CREATE POLICY ledger ON public.ledger_tiles TO lading_ledger USING (true) WITH CHECK (true);

CREATE POLICY ledger ON public.ledger_trees TO lading_ledger USING (true) WITH CHECK (true);

CREATE POLICY ledger ON public.logged_heads TO lading_ledger USING (true) WITH CHECK (true);

CREATE POLICY ledger ON public.signed_heads TO lading_ledger USING (true) WITH CHECK (true);

CREATE POLICY ledger ON public.signing_key_logs TO lading_ledger USING (true) WITH CHECK (true);

CREATE POLICY ledger ON public.signing_key_sizes TO lading_ledger USING (true) WITH CHECK (true);

CREATE POLICY ledger ON public.tenants FOR SELECT TO lading_ledger USING (true);

CREATE POLICY ledger ON public.webhooks FOR SELECT TO lading_ledger USING (true);

ALTER TABLE public.ledger_checks ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.ledger_entries ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.ledger_epochs ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.ledger_pending ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.ledger_tiles ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.ledger_trees ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.logged_heads ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.login_refusals ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.members ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.objects ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.pauses ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.placement_parts ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.placements ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.policies ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.policy_activations ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.policy_revisions ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.profile_activations ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.profile_revisions ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.profiles ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.quotas ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.refusals ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.retention_rules ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.retry_budgets ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.retry_policies ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.run_edges ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.run_nodes ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.runs ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.schedule_slots ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.schedules ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.signed_heads ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.signing_key_logs ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.signing_key_sizes ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.sources ENABLE ROW LEVEL SECURITY;

CREATE POLICY system ON public.allocations TO lading_system USING (true) WITH CHECK (true);

CREATE POLICY system ON public.api_keys TO lading_system USING (true) WITH CHECK (true);

CREATE POLICY system ON public.artifacts FOR SELECT TO lading_system USING ((object_state IS NULL));

CREATE POLICY system ON public.attempts TO lading_system USING (true) WITH CHECK (true);

CREATE POLICY system ON public.breakers TO lading_system USING (true) WITH CHECK (true);

CREATE POLICY system ON public.buckets TO lading_system USING (true) WITH CHECK (true);

CREATE POLICY system ON public.dead_letters TO lading_system USING (true) WITH CHECK (true);

CREATE POLICY system ON public.disclosures FOR INSERT TO lading_system WITH CHECK (true);

CREATE POLICY system ON public.finished_jobs TO lading_system USING (true) WITH CHECK (true);

CREATE POLICY system ON public.identity_providers FOR SELECT TO lading_system USING (true);

CREATE POLICY system ON public.jobs TO lading_system USING (true) WITH CHECK (true);

CREATE POLICY system ON public.lanes TO lading_system USING (true) WITH CHECK (true);

CREATE POLICY system ON public.ledger_pending TO lading_system WITH CHECK (true);

CREATE POLICY system ON public.login_refusals TO lading_system USING (true);

CREATE POLICY system ON public.members FOR SELECT TO lading_system USING (true);

CREATE POLICY system ON public.objects TO lading_system USING (true) WITH CHECK (true);

CREATE POLICY system ON public.pauses TO lading_system USING (true) WITH CHECK (true);

CREATE POLICY system ON public.placements FOR SELECT TO lading_system USING (true);

CREATE POLICY system ON public.quotas TO lading_system USING (true) WITH CHECK (true);

CREATE POLICY system ON public.refusals TO lading_system USING (true) WITH CHECK (true);

CREATE POLICY system ON public.retry_budgets TO lading_system USING (true) WITH CHECK (true);

CREATE POLICY system ON public.retry_policies TO lading_system USING (true) WITH CHECK (true);

CREATE POLICY system ON public.run_edges TO lading_system USING (true) WITH CHECK (true);

CREATE POLICY system ON public.run_nodes TO lading_system USING (true) WITH CHECK (true);

CREATE POLICY system ON public.runs TO lading_system USING (true) WITH CHECK (true);

CREATE POLICY system ON public.schedule_slots TO lading_system USING (true);

CREATE POLICY system ON public.schedules TO lading_system USING (true);

CREATE POLICY system ON public.tenants TO lading_system USING (true) WITH CHECK (true);

CREATE POLICY system ON public.turns TO lading_system USING (true) WITH CHECK (true);

CREATE POLICY system ON public.webhook_messages TO lading_system USING (true);

CREATE POLICY tenant ON public.allocations TO lading_app USING ((tenant_id = ( SELECT public.current_tenant() AS current_tenant))) WITH CHECK ((tenant_id = ( SELECT public.current_tenant() AS current_tenant)));

CREATE POLICY tenant ON public.api_keys TO lading_app USING ((tenant_id = ( SELECT public.current_tenant() AS current_tenant))) WITH CHECK ((tenant_id = ( SELECT public.current_tenant() AS current_tenant)));

CREATE POLICY tenant ON public.approvals TO lading_app USING ((tenant_id = ( SELECT public.current_tenant() AS current_tenant))) WITH CHECK ((tenant_id = ( SELECT public.current_tenant() AS current_tenant)));

CREATE POLICY tenant ON public.artifacts TO lading_app USING ((tenant_id = ( SELECT public.current_tenant() AS current_tenant))) WITH CHECK ((tenant_id = ( SELECT public.current_tenant() AS current_tenant)));

CREATE POLICY tenant ON public.attempts TO lading_app USING ((tenant_id = ( SELECT public.current_tenant() AS current_tenant))) WITH CHECK ((tenant_id = ( SELECT public.current_tenant() AS current_tenant)));

CREATE POLICY tenant ON public.breakers TO lading_app USING ((tenant_id = ( SELECT public.current_tenant() AS current_tenant))) WITH CHECK ((tenant_id = ( SELECT public.current_tenant() AS current_tenant)));

CREATE POLICY tenant ON public.buckets TO lading_app USING ((tenant_id = ( SELECT public.current_tenant() AS current_tenant))) WITH CHECK ((tenant_id = ( SELECT public.current_tenant() AS current_tenant)));

CREATE POLICY tenant ON public.call_quotas TO lading_app USING ((tenant_id = ( SELECT public.current_tenant() AS current_tenant))) WITH CHECK ((tenant_id = ( SELECT public.current_tenant() AS current_tenant)));

CREATE POLICY tenant ON public.checkpoints TO lading_app USING ((tenant_id = ( SELECT public.current_tenant() AS current_tenant))) WITH CHECK ((tenant_id = ( SELECT public.current_tenant() AS current_tenant)));

CREATE POLICY tenant ON public.dead_letters TO lading_app USING ((tenant_id = ( SELECT public.current_tenant() AS current_tenant))) WITH CHECK ((tenant_id = ( SELECT public.current_tenant() AS current_tenant)));

CREATE POLICY tenant ON public.deliveries TO lading_app USING ((tenant_id = ( SELECT public.current_tenant() AS current_tenant))) WITH CHECK ((tenant_id = ( SELECT public.current_tenant() AS current_tenant)));

CREATE POLICY tenant ON public.destinations TO lading_app USING ((tenant_id = ( SELECT public.current_tenant() AS current_tenant))) WITH CHECK ((tenant_id = ( SELECT public.current_tenant() AS current_tenant)));

CREATE POLICY tenant ON public.disclosures TO lading_app USING ((tenant_id = ( SELECT public.current_tenant() AS current_tenant))) WITH CHECK ((tenant_id = ( SELECT public.current_tenant() AS current_tenant)));

CREATE POLICY tenant ON public.export_pages TO lading_app USING ((tenant_id = ( SELECT public.current_tenant() AS current_tenant))) WITH CHECK ((tenant_id = ( SELECT public.current_tenant() AS current_tenant)));

CREATE POLICY tenant ON public.export_parts TO lading_app USING ((tenant_id = ( SELECT public.current_tenant() AS current_tenant))) WITH CHECK ((tenant_id = ( SELECT public.current_tenant() AS current_tenant)));

CREATE POLICY tenant ON public.exports TO lading_app USING ((tenant_id = ( SELECT public.current_tenant() AS current_tenant))) WITH CHECK ((tenant_id = ( SELECT public.current_tenant() AS current_tenant)));

CREATE POLICY tenant ON public.finished_jobs TO lading_app USING ((tenant_id = ( SELECT public.current_tenant() AS current_tenant))) WITH CHECK ((tenant_id = ( SELECT public.current_tenant() AS current_tenant)));

CREATE POLICY tenant ON public.finished_jobs_default TO lading_app USING ((tenant_id = ( SELECT public.current_tenant() AS current_tenant))) WITH CHECK ((tenant_id = ( SELECT public.current_tenant() AS current_tenant)));

CREATE POLICY tenant ON public.handouts TO lading_app USING ((tenant_id = ( SELECT public.current_tenant() AS current_tenant))) WITH CHECK ((tenant_id = ( SELECT public.current_tenant() AS current_tenant)));

CREATE POLICY tenant ON public.holds TO lading_app USING ((tenant_id = ( SELECT public.current_tenant() AS current_tenant))) WITH CHECK ((tenant_id = ( SELECT public.current_tenant() AS current_tenant)));

CREATE POLICY tenant ON public.idempotency_keys TO lading_app USING ((tenant_id = ( SELECT public.current_tenant() AS current_tenant))) WITH CHECK ((tenant_id = ( SELECT public.current_tenant() AS current_tenant)));

CREATE POLICY tenant ON public.identity_providers TO lading_app USING ((tenant_id = ( SELECT public.current_tenant() AS current_tenant))) WITH CHECK ((tenant_id = ( SELECT public.current_tenant() AS current_tenant)));

CREATE POLICY tenant ON public.jobs TO lading_app USING ((tenant_id = ( SELECT public.current_tenant() AS current_tenant))) WITH CHECK ((tenant_id = ( SELECT public.current_tenant() AS current_tenant)));

CREATE POLICY tenant ON public.lanes TO lading_app USING ((tenant_id = ( SELECT public.current_tenant() AS current_tenant))) WITH CHECK ((tenant_id = ( SELECT public.current_tenant() AS current_tenant)));

CREATE POLICY tenant ON public.ledger_checks TO lading_app USING ((tenant_id = ( SELECT public.current_tenant() AS current_tenant))) WITH CHECK ((tenant_id = ( SELECT public.current_tenant() AS current_tenant)));

CREATE POLICY tenant ON public.ledger_entries TO lading_app USING ((tenant_id = ( SELECT public.current_tenant() AS current_tenant))) WITH CHECK ((tenant_id = ( SELECT public.current_tenant() AS current_tenant)));

CREATE POLICY tenant ON public.ledger_epochs TO lading_app USING ((tenant_id = ( SELECT public.current_tenant() AS current_tenant))) WITH CHECK ((tenant_id = ( SELECT public.current_tenant() AS current_tenant)));

CREATE POLICY tenant ON public.ledger_pending TO lading_app USING ((tenant_id = ( SELECT public.current_tenant() AS current_tenant))) WITH CHECK ((tenant_id = ( SELECT public.current_tenant() AS current_tenant)));

CREATE POLICY tenant ON public.ledger_tiles TO lading_app USING ((tenant_id = ( SELECT public.current_tenant() AS current_tenant))) WITH CHECK ((tenant_id = ( SELECT public.current_tenant() AS current_tenant)));

CREATE POLICY tenant ON public.ledger_trees TO lading_app USING ((tenant_id = ( SELECT public.current_tenant() AS current_tenant))) WITH CHECK ((tenant_id = ( SELECT public.current_tenant() AS current_tenant)));

CREATE POLICY tenant ON public.logged_heads TO lading_app USING ((tenant_id = ( SELECT public.current_tenant() AS current_tenant))) WITH CHECK ((tenant_id = ( SELECT public.current_tenant() AS current_tenant)));

CREATE POLICY tenant ON public.login_refusals TO lading_app USING ((tenant_id = ( SELECT public.current_tenant() AS current_tenant))) WITH CHECK ((tenant_id = ( SELECT public.current_tenant() AS current_tenant)));

CREATE POLICY tenant ON public.members TO lading_app USING ((tenant_id = ( SELECT public.current_tenant() AS current_tenant))) WITH CHECK ((tenant_id = ( SELECT public.current_tenant() AS current_tenant)));

CREATE POLICY tenant ON public.objects TO lading_app USING ((tenant_id = ( SELECT public.current_tenant() AS current_tenant))) WITH CHECK ((tenant_id = ( SELECT public.current_tenant() AS current_tenant)));

CREATE POLICY tenant ON public.pauses TO lading_app USING ((tenant_id = ( SELECT public.current_tenant() AS current_tenant))) WITH CHECK ((tenant_id = ( SELECT public.current_tenant() AS current_tenant)));

CREATE POLICY tenant ON public.placement_parts TO lading_app USING ((tenant_id = ( SELECT public.current_tenant() AS current_tenant))) WITH CHECK ((tenant_id = ( SELECT public.current_tenant() AS current_tenant)));

CREATE POLICY tenant ON public.placements TO lading_app USING ((tenant_id = ( SELECT public.current_tenant() AS current_tenant))) WITH CHECK ((tenant_id = ( SELECT public.current_tenant() AS current_tenant)));

CREATE POLICY tenant ON public.policies TO lading_app USING ((tenant_id = ( SELECT public.current_tenant() AS current_tenant))) WITH CHECK ((tenant_id = ( SELECT public.current_tenant() AS current_tenant)));

CREATE POLICY tenant ON public.policy_activations TO lading_app USING ((tenant_id = ( SELECT public.current_tenant() AS current_tenant))) WITH CHECK ((tenant_id = ( SELECT public.current_tenant() AS current_tenant)));

CREATE POLICY tenant ON public.policy_revisions TO lading_app USING ((tenant_id = ( SELECT public.current_tenant() AS current_tenant))) WITH CHECK ((tenant_id = ( SELECT public.current_tenant() AS current_tenant)));

CREATE POLICY tenant ON public.profile_activations TO lading_app USING ((tenant_id = ( SELECT public.current_tenant() AS current_tenant))) WITH CHECK ((tenant_id = ( SELECT public.current_tenant() AS current_tenant)));

CREATE POLICY tenant ON public.profile_revisions TO lading_app USING ((tenant_id = ( SELECT public.current_tenant() AS current_tenant))) WITH CHECK ((tenant_id = ( SELECT public.current_tenant() AS current_tenant)));

CREATE POLICY tenant ON public.profiles TO lading_app USING ((tenant_id = ( SELECT public.current_tenant() AS current_tenant))) WITH CHECK ((tenant_id = ( SELECT public.current_tenant() AS current_tenant)));

CREATE POLICY tenant ON public.quotas TO lading_app USING ((tenant_id = ( SELECT public.current_tenant() AS current_tenant))) WITH CHECK ((tenant_id = ( SELECT public.current_tenant() AS current_tenant)));

CREATE POLICY tenant ON public.refusals TO lading_app USING ((tenant_id = ( SELECT public.current_tenant() AS current_tenant))) WITH CHECK ((tenant_id = ( SELECT public.current_tenant() AS current_tenant)));

CREATE POLICY tenant ON public.retention_rules TO lading_app USING ((tenant_id = ( SELECT public.current_tenant() AS current_tenant))) WITH CHECK ((tenant_id = ( SELECT public.current_tenant() AS current_tenant)));

CREATE POLICY tenant ON public.retry_budgets TO lading_app USING ((tenant_id = ( SELECT public.current_tenant() AS current_tenant))) WITH CHECK ((tenant_id = ( SELECT public.current_tenant() AS current_tenant)));

CREATE POLICY tenant ON public.retry_policies TO lading_app USING ((tenant_id = ( SELECT public.current_tenant() AS current_tenant))) WITH CHECK ((tenant_id = ( SELECT public.current_tenant() AS current_tenant)));

CREATE POLICY tenant ON public.run_edges TO lading_app USING ((tenant_id = ( SELECT public.current_tenant() AS current_tenant))) WITH CHECK ((tenant_id = ( SELECT public.current_tenant() AS current_tenant)));

CREATE POLICY tenant ON public.run_nodes TO lading_app USING ((tenant_id = ( SELECT public.current_tenant() AS current_tenant))) WITH CHECK ((tenant_id = ( SELECT public.current_tenant() AS current_tenant)));

CREATE POLICY tenant ON public.runs TO lading_app USING ((tenant_id = ( SELECT public.current_tenant() AS current_tenant))) WITH CHECK ((tenant_id = ( SELECT public.current_tenant() AS current_tenant)));

CREATE POLICY tenant ON public.schedule_slots TO lading_app USING ((tenant_id = ( SELECT public.current_tenant() AS current_tenant))) WITH CHECK ((tenant_id = ( SELECT public.current_tenant() AS current_tenant)));

CREATE POLICY tenant ON public.schedules TO lading_app USING ((tenant_id = ( SELECT public.current_tenant() AS current_tenant))) WITH CHECK ((tenant_id = ( SELECT public.current_tenant() AS current_tenant)));

CREATE POLICY tenant ON public.signed_heads TO lading_app USING ((tenant_id = ( SELECT public.current_tenant() AS current_tenant))) WITH CHECK ((tenant_id = ( SELECT public.current_tenant() AS current_tenant)));

CREATE POLICY tenant ON public.signing_key_logs TO lading_app USING ((tenant_id = ( SELECT public.current_tenant() AS current_tenant))) WITH CHECK ((tenant_id = ( SELECT public.current_tenant() AS current_tenant)));

CREATE POLICY tenant ON public.signing_key_sizes TO lading_app USING ((tenant_id = ( SELECT public.current_tenant() AS current_tenant))) WITH CHECK ((tenant_id = ( SELECT public.current_tenant() AS current_tenant)));

CREATE POLICY tenant ON public.sources TO lading_app USING ((tenant_id = ( SELECT public.current_tenant() AS current_tenant))) WITH CHECK ((tenant_id = ( SELECT public.current_tenant() AS current_tenant)));

CREATE POLICY tenant ON public.tenants TO lading_app USING ((tenant_id = ( SELECT public.current_tenant() AS current_tenant))) WITH CHECK ((tenant_id = ( SELECT public.current_tenant() AS current_tenant)));

CREATE POLICY tenant ON public.turns TO lading_app USING ((tenant_id = ( SELECT public.current_tenant() AS current_tenant))) WITH CHECK ((tenant_id = ( SELECT public.current_tenant() AS current_tenant)));

CREATE POLICY tenant ON public.upload_parts TO lading_app USING ((tenant_id = ( SELECT public.current_tenant() AS current_tenant))) WITH CHECK ((tenant_id = ( SELECT public.current_tenant() AS current_tenant)));

CREATE POLICY tenant ON public.uploads TO lading_app USING ((tenant_id = ( SELECT public.current_tenant() AS current_tenant))) WITH CHECK ((tenant_id = ( SELECT public.current_tenant() AS current_tenant)));

CREATE POLICY tenant ON public.webhook_messages TO lading_app USING ((tenant_id = ( SELECT public.current_tenant() AS current_tenant))) WITH CHECK ((tenant_id = ( SELECT public.current_tenant() AS current_tenant)));

CREATE POLICY tenant ON public.webhooks TO lading_app USING ((tenant_id = ( SELECT public.current_tenant() AS current_tenant))) WITH CHECK ((tenant_id = ( SELECT public.current_tenant() AS current_tenant)));

ALTER TABLE public.tenants ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.turns ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.upload_parts ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.uploads ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.webhook_messages ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.webhooks ENABLE ROW LEVEL SECURITY;

GRANT USAGE ON SCHEMA public TO lading_app;
GRANT USAGE ON SCHEMA public TO lading_system;
GRANT USAGE ON SCHEMA public TO lading_ledger;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.allocations TO lading_app;
GRANT SELECT ON TABLE public.allocations TO lading_system;

GRANT SELECT ON TABLE public.api_keys TO lading_app;
GRANT SELECT,INSERT,UPDATE ON TABLE public.api_keys TO lading_system;

GRANT UPDATE(revoke_reason) ON TABLE public.api_keys TO lading_app;

GRANT SELECT,INSERT,UPDATE ON TABLE public.approvals TO lading_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.artifacts TO lading_app;

GRANT SELECT(tenant_id) ON TABLE public.artifacts TO lading_system;

GRANT SELECT(blob_key) ON TABLE public.artifacts TO lading_system;

GRANT SELECT(size) ON TABLE public.artifacts TO lading_system;

GRANT SELECT(digest) ON TABLE public.artifacts TO lading_system;

GRANT SELECT(object_state) ON TABLE public.artifacts TO lading_system;

GRANT SELECT,INSERT,UPDATE ON TABLE public.attempts TO lading_app;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.attempts TO lading_system;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.breakers TO lading_app;
GRANT SELECT,UPDATE ON TABLE public.breakers TO lading_system;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.buckets TO lading_app;
GRANT SELECT,DELETE,UPDATE ON TABLE public.buckets TO lading_system;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.call_quotas TO lading_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.checkpoints TO lading_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.dead_letters TO lading_app;
GRANT SELECT,DELETE ON TABLE public.dead_letters TO lading_system;

GRANT SELECT,INSERT,UPDATE ON TABLE public.deliveries TO lading_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.destinations TO lading_app;

GRANT SELECT,INSERT,DELETE ON TABLE public.disclosures TO lading_app;
GRANT INSERT ON TABLE public.disclosures TO lading_system;
GRANT INSERT ON TABLE public.disclosures TO lading_ledger;

GRANT SELECT,INSERT,DELETE ON TABLE public.export_pages TO lading_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.export_parts TO lading_app;

GRANT SELECT,INSERT,UPDATE ON TABLE public.exports TO lading_app;

GRANT SELECT(tenant_id) ON TABLE public.exports TO lading_ledger;

GRANT SELECT(status) ON TABLE public.exports TO lading_ledger;

GRANT SELECT(created_at) ON TABLE public.exports TO lading_ledger;

GRANT SELECT,INSERT ON TABLE public.finished_jobs TO lading_app;
GRANT SELECT,INSERT,DELETE ON TABLE public.finished_jobs TO lading_system;

GRANT UPDATE(error) ON TABLE public.finished_jobs TO lading_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.handouts TO lading_app;

GRANT SELECT,INSERT,UPDATE ON TABLE public.holds TO lading_app;

GRANT SELECT(tenant_id) ON TABLE public.holds TO lading_ledger;

GRANT SELECT(lifted_at) ON TABLE public.holds TO lading_ledger;

GRANT SELECT ON TABLE public.held TO lading_app;

GRANT SELECT,INSERT ON TABLE public.idempotency_keys TO lading_app;

GRANT SELECT ON TABLE public.identity_providers TO lading_system;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.identity_providers TO lading_app;

GRANT SELECT ON TABLE public.instance_epochs TO lading_app;
GRANT SELECT,INSERT ON TABLE public.instance_epochs TO lading_ledger;

GRANT SELECT ON TABLE public.instance_heads TO lading_app;
GRANT SELECT,INSERT ON TABLE public.instance_heads TO lading_ledger;

GRANT SELECT,INSERT ON TABLE public.instance_leaves TO lading_ledger;

GRANT SELECT(index) ON TABLE public.instance_leaves TO lading_app;

GRANT SELECT(hash) ON TABLE public.instance_leaves TO lading_app;

GRANT SELECT ON TABLE public.instance_log TO lading_app;
GRANT SELECT,INSERT,UPDATE ON TABLE public.instance_log TO lading_ledger;

GRANT SELECT ON TABLE public.instance_tiles TO lading_app;
GRANT SELECT,INSERT ON TABLE public.instance_tiles TO lading_ledger;

GRANT SELECT ON TABLE public.instance_time_stamps TO lading_app;
GRANT SELECT,INSERT ON TABLE public.instance_time_stamps TO lading_ledger;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.jobs TO lading_app;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.jobs TO lading_system;

GRANT SELECT ON SEQUENCE public.jobs_sequence_seq TO lading_system;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.lanes TO lading_app;
GRANT SELECT,INSERT,UPDATE ON TABLE public.lanes TO lading_system;

GRANT SELECT ON TABLE public.leases TO lading_app;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.leases TO lading_system;

GRANT SELECT ON TABLE public.ledger_checks TO lading_app;
GRANT SELECT,INSERT,UPDATE ON TABLE public.ledger_checks TO lading_ledger;

GRANT SELECT ON TABLE public.ledger_entries TO lading_app;
GRANT SELECT,INSERT,DELETE ON TABLE public.ledger_entries TO lading_ledger;

GRANT SELECT ON TABLE public.ledger_epochs TO lading_app;
GRANT SELECT,INSERT ON TABLE public.ledger_epochs TO lading_ledger;

GRANT SELECT,INSERT ON TABLE public.ledger_pending TO lading_app;
GRANT INSERT ON TABLE public.ledger_pending TO lading_system;
GRANT SELECT,INSERT,DELETE ON TABLE public.ledger_pending TO lading_ledger;

GRANT SELECT ON TABLE public.ledger_tiles TO lading_app;
GRANT SELECT,INSERT ON TABLE public.ledger_tiles TO lading_ledger;

GRANT SELECT ON TABLE public.ledger_trees TO lading_app;
GRANT SELECT,INSERT,UPDATE ON TABLE public.ledger_trees TO lading_ledger;

GRANT SELECT ON TABLE public.logged_heads TO lading_app;
GRANT SELECT,INSERT ON TABLE public.logged_heads TO lading_ledger;

GRANT SELECT,INSERT,UPDATE ON TABLE public.login_refusals TO lading_app;
GRANT SELECT,DELETE ON TABLE public.login_refusals TO lading_system;

GRANT SELECT ON TABLE public.members TO lading_system;
GRANT SELECT,INSERT,UPDATE ON TABLE public.members TO lading_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.objects TO lading_app;
GRANT SELECT ON TABLE public.objects TO lading_system;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.pauses TO lading_app;
GRANT SELECT ON TABLE public.pauses TO lading_system;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.placement_parts TO lading_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.placements TO lading_app;

GRANT SELECT(tenant_id) ON TABLE public.placements TO lading_system;

GRANT SELECT,INSERT,UPDATE ON TABLE public.policies TO lading_app;

GRANT SELECT,INSERT ON TABLE public.policy_activations TO lading_app;

GRANT UPDATE(reason) ON TABLE public.policy_activations TO lading_app;

GRANT SELECT,INSERT ON TABLE public.policy_revisions TO lading_app;

GRANT SELECT,INSERT ON TABLE public.profile_activations TO lading_app;

GRANT UPDATE(reason) ON TABLE public.profile_activations TO lading_app;

GRANT SELECT,INSERT ON TABLE public.profile_revisions TO lading_app;

GRANT SELECT,INSERT,UPDATE ON TABLE public.profiles TO lading_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.quotas TO lading_app;
GRANT SELECT,UPDATE ON TABLE public.quotas TO lading_system;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.refusals TO lading_app;
GRANT SELECT ON TABLE public.refusals TO lading_system;

GRANT SELECT ON TABLE public.reservations TO lading_system;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.retention_rules TO lading_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.retry_budgets TO lading_app;
GRANT SELECT,UPDATE ON TABLE public.retry_budgets TO lading_system;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.retry_policies TO lading_app;
GRANT SELECT ON TABLE public.retry_policies TO lading_system;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.run_edges TO lading_app;
GRANT SELECT ON TABLE public.run_edges TO lading_system;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.run_nodes TO lading_app;
GRANT SELECT ON TABLE public.run_nodes TO lading_system;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.runs TO lading_app;
GRANT SELECT,UPDATE ON TABLE public.runs TO lading_system;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.schedule_slots TO lading_app;
GRANT SELECT,DELETE ON TABLE public.schedule_slots TO lading_system;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.schedules TO lading_app;
GRANT SELECT ON TABLE public.schedules TO lading_system;

GRANT SELECT ON TABLE public.slots_seen TO lading_app;

GRANT SELECT ON TABLE public.schedules_seen TO lading_app;

GRANT SELECT ON TABLE public.signed_heads TO lading_app;
GRANT SELECT,INSERT ON TABLE public.signed_heads TO lading_ledger;

GRANT SELECT ON TABLE public.signing_key_logs TO lading_app;
GRANT SELECT,INSERT ON TABLE public.signing_key_logs TO lading_ledger;

GRANT SELECT,INSERT ON TABLE public.signing_key_sizes TO lading_ledger;
GRANT SELECT ON TABLE public.signing_key_sizes TO lading_app;

GRANT SELECT,INSERT ON TABLE public.signing_key_statements TO lading_ledger;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.sources TO lading_app;

GRANT SELECT ON TABLE public.tenants TO lading_app;
GRANT SELECT,INSERT ON TABLE public.tenants TO lading_system;
GRANT SELECT ON TABLE public.tenants TO lading_ledger;

GRANT UPDATE(name) ON TABLE public.tenants TO lading_app;

GRANT UPDATE(version) ON TABLE public.tenants TO lading_app;

GRANT UPDATE(suspended_at) ON TABLE public.tenants TO lading_app;

GRANT UPDATE(suspend_reason) ON TABLE public.tenants TO lading_app;

GRANT UPDATE(suspend_ticket) ON TABLE public.tenants TO lading_app;

GRANT UPDATE(pause_id) ON TABLE public.tenants TO lading_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.turns TO lading_app;
GRANT SELECT,INSERT,UPDATE ON TABLE public.turns TO lading_system;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.upload_parts TO lading_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.uploads TO lading_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.webhook_messages TO lading_app;
GRANT SELECT,DELETE ON TABLE public.webhook_messages TO lading_system;

GRANT SELECT ON TABLE public.webhooks TO lading_ledger;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.webhooks TO lading_app;
