-- The data path: sources of every kind.

-- What a kind is reached by (credentials, a path, a bucket) is decided in sources/options.py; here only that it is whole.
ALTER TABLE sources
    DROP CONSTRAINT sources_kind_check,
    DROP CONSTRAINT sources_credentials_ref_check,
    ALTER COLUMN credentials_ref DROP NOT NULL,
    ADD COLUMN options jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(options) = 'object'),
    ADD CHECK (kind IN ('postgresql', 'mysql', 'sqlite', 'duckdb', 'files', 'objects', 'http')),
    ADD CHECK (credentials_ref ~ '^(env|file|systemd|kubernetes):.+'),
    ADD CHECK (credentials_ref IS NOT NULL OR kind NOT IN ('postgresql', 'mysql'));

-- Rows that a profile's filter leaves out are counted like every other row that was read.
ALTER TABLE exports
    ADD COLUMN rows_filtered bigint NOT NULL DEFAULT 0,
    DROP CONSTRAINT exports_check2,
    ADD CHECK (
        status <> 'completed' OR rows_read = rows_written + rows_quarantined + rows_duplicate + rows_filtered
    );

-- When which revision of a profile was the one that exports use: what rollback goes back to, and who is told of it.
CREATE TABLE profile_activations (
    tenant_id uuid NOT NULL,
    name text NOT NULL,
    version bigint NOT NULL,
    revision integer NOT NULL,
    is_rollback boolean NOT NULL DEFAULT false,
    activated_at timestamptz NOT NULL DEFAULT lading_now(),
    activated_by text NOT NULL,
    reason text CHECK (length(reason) BETWEEN 1 AND 500),
    ticket text CHECK (length(ticket) <= 60),
    PRIMARY KEY (tenant_id, name, version),
    FOREIGN KEY (tenant_id, name, revision) REFERENCES profile_revisions (tenant_id, name, revision)
);
-- The owner of the tables has no policy of its own: what is there already is seen only without them.
ALTER TABLE profiles NO FORCE ROW LEVEL SECURITY;
INSERT INTO profile_activations (tenant_id, name, version, revision, activated_at, activated_by)
SELECT p.tenant_id, p.name, p.version, p.active_revision, p.created_at, 'migration'
FROM profiles AS p
WHERE p.active_revision IS NOT NULL;
ALTER TABLE profiles FORCE ROW LEVEL SECURITY;
ALTER TABLE profile_activations ENABLE ROW LEVEL SECURITY;
ALTER TABLE profile_activations FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON profile_activations TO lading_app
USING (tenant_id = (SELECT current_tenant())) WITH CHECK (tenant_id = (SELECT current_tenant()));
GRANT SELECT, INSERT ON profile_activations TO lading_app;

-- ---------------------------------------------------------------- destinations

-- Where packages are delivered to; what the options of a kind may say is decided in exports/destinations.py.
CREATE TABLE destinations (
    tenant_id uuid NOT NULL REFERENCES tenants,
    name text NOT NULL CHECK (name ~ '^[a-z0-9][a-z0-9_-]{0,49}$'),
    kind text NOT NULL CHECK (kind IN ('directory', 's3', 'gcs', 'azure')),
    credentials_ref text CHECK (credentials_ref ~ '^(env|file|systemd|kubernetes):.+'),
    options jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(options) = 'object'),
    object_name text NOT NULL CHECK (length(object_name) BETWEEN 1 AND 300),
    overwrite boolean NOT NULL DEFAULT false,
    encrypt_to text[] NOT NULL DEFAULT '{}',
    timeout_seconds integer NOT NULL CHECK (timeout_seconds BETWEEN 1 AND 3600),
    version bigint NOT NULL DEFAULT 1,
    updated_at timestamptz NOT NULL DEFAULT lading_now(),
    PRIMARY KEY (tenant_id, name)
);

-- What was asked for stays with the export, whatever becomes of the destination.  `package_digest` is that of the plain
-- package, also where only the encrypted one is published.
ALTER TABLE exports
    ADD COLUMN destinations text[] NOT NULL DEFAULT '{}',
    ADD COLUMN encrypt_to text[] NOT NULL DEFAULT '{}',
    ADD COLUMN package_digest bytea CHECK (octet_length(package_digest) = 32);

-- One package brought, or to be brought, to one destination.
CREATE TABLE deliveries (
    tenant_id uuid NOT NULL,
    export_id uuid NOT NULL,
    destination text NOT NULL,
    job_id uuid NOT NULL,
    status text NOT NULL DEFAULT 'pending'
        CHECK (status IN ('pending', 'running', 'delivered', 'failed', 'cancelled')),
    size bigint NOT NULL CHECK (size >= 0),
    digest bytea NOT NULL CHECK (octet_length(digest) = 32),
    bytes bigint NOT NULL DEFAULT 0 CHECK (bytes BETWEEN 0 AND size),
    attempts integer NOT NULL DEFAULT 0,
    location text,
    error jsonb,
    rev bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT lading_now(),
    delivered_at timestamptz,
    PRIMARY KEY (tenant_id, export_id, destination),
    FOREIGN KEY (tenant_id, export_id) REFERENCES exports,
    CHECK ((status = 'delivered') = (delivered_at IS NOT NULL)),
    CHECK (status <> 'delivered' OR (location IS NOT NULL AND bytes = size)),
    CHECK ((status = 'failed') = (error IS NOT NULL))
);
CREATE INDEX deliveries_open ON deliveries (tenant_id, destination) WHERE status IN ('pending', 'running');

-- An upload in parts that a killed attempt left and the next one goes on with.  Without `upload_id` it was about to be
-- begun: whether the store knows of it has to be asked there.
CREATE TABLE uploads (
    tenant_id uuid NOT NULL,
    export_id uuid NOT NULL,
    destination text NOT NULL,
    object_name text NOT NULL,
    upload_id text,
    digest bytea NOT NULL CHECK (octet_length(digest) = 32),
    part_bytes bigint NOT NULL CHECK (part_bytes > 0),
    PRIMARY KEY (tenant_id, export_id, destination),
    FOREIGN KEY (tenant_id, export_id, destination) REFERENCES deliveries
);
CREATE TABLE upload_parts (
    tenant_id uuid NOT NULL,
    export_id uuid NOT NULL,
    destination text NOT NULL,
    number integer NOT NULL CHECK (number BETWEEN 1 AND 50000),
    size bigint NOT NULL CHECK (size > 0),
    digest bytea NOT NULL CHECK (octet_length(digest) = 32),
    etag text NOT NULL,
    PRIMARY KEY (tenant_id, export_id, destination, number),
    FOREIGN KEY (tenant_id, export_id, destination) REFERENCES uploads ON DELETE CASCADE
);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['destinations', 'deliveries', 'uploads', 'upload_parts'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format(
            'CREATE POLICY tenant ON %I TO lading_app USING (tenant_id = (SELECT current_tenant())) '
            'WITH CHECK (tenant_id = (SELECT current_tenant()))', name);
    END LOOP;
END
$$;
GRANT SELECT, INSERT, UPDATE, DELETE ON destinations, uploads, upload_parts TO lading_app;
GRANT SELECT, INSERT, UPDATE ON deliveries TO lading_app;

-- Types without a profile (evidence_pack, audit_report, snapshot) have no revision; what they were asked for, and what a
-- delta is relative to, is the selector, fixed when the export is asked for.
ALTER TABLE exports
    ALTER COLUMN revision DROP NOT NULL,
    ADD COLUMN selector jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(selector) = 'object'),
    ADD CHECK ((revision IS NULL) = (type IN ('evidence_pack', 'audit_report', 'snapshot')));

-- Parts of exports that are read in parts: ranges of keys, and what each came to.  They go with the working files.
CREATE TABLE export_parts (
    tenant_id uuid NOT NULL,
    export_id uuid NOT NULL,
    number integer NOT NULL CHECK (number BETWEEN 0 AND 998),
    low text[],
    high text[],
    result jsonb,
    job_id uuid,
    attempt integer,
    completed_at timestamptz,
    PRIMARY KEY (tenant_id, export_id, number),
    FOREIGN KEY (tenant_id, export_id) REFERENCES exports,
    CHECK (num_nulls(result, job_id, attempt, completed_at) IN (0, 4))
);
ALTER TABLE export_parts ENABLE ROW LEVEL SECURITY;
ALTER TABLE export_parts FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON export_parts TO lading_app
USING (tenant_id = (SELECT current_tenant())) WITH CHECK (tenant_id = (SELECT current_tenant()));
GRANT SELECT, INSERT, UPDATE, DELETE ON export_parts TO lading_app;
