-- beside: 0007
-- Client: what the client side, erasure and published artifacts need of the database.

-- ---------------------------------------------------------------- erasure reaches every copy of the words

-- Rows that are only ever added to give up their words, and nothing else.
GRANT UPDATE (error) ON finished_jobs TO lading_app;
GRANT UPDATE (reason) ON profile_activations TO lading_app;
GRANT UPDATE (reason) ON policy_activations TO lading_app;
GRANT UPDATE (revoke_reason) ON api_keys TO lading_app;

-- ---------------------------------------------------------------- published files in a bucket

-- A file that a job brings to the bucket, from before its upload begins until it is published: nobody else takes it away,
-- and a later attempt goes on with it under its name.  Who publishes deletes the row in the same transaction, who gives it
-- up deletes it first; one of them finds it.  Without `part_bytes` no upload is begun; without `upload_id` it was about to.
CREATE TABLE placements (
    tenant_id uuid NOT NULL REFERENCES tenants,
    blob_key text NOT NULL CHECK (starts_with(blob_key, 'objects/' || tenant_id || '/bucket/')),
    job_id uuid NOT NULL,
    digest bytea NOT NULL CHECK (octet_length(digest) = 32),
    part_bytes bigint CHECK (part_bytes > 0),
    upload_id text,
    created_at timestamptz NOT NULL DEFAULT lading_now(),
    PRIMARY KEY (tenant_id, blob_key),
    UNIQUE (tenant_id, job_id, digest),
    CHECK (upload_id IS NULL OR part_bytes IS NOT NULL)
);
CREATE TABLE placement_parts (
    tenant_id uuid NOT NULL,
    blob_key text NOT NULL,
    number integer NOT NULL CHECK (number BETWEEN 1 AND 50000),
    size bigint NOT NULL CHECK (size > 0),
    digest bytea NOT NULL CHECK (octet_length(digest) = 32),
    etag text NOT NULL,
    PRIMARY KEY (tenant_id, blob_key, number),
    FOREIGN KEY (tenant_id, blob_key) REFERENCES placements ON DELETE CASCADE
);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['placements', 'placement_parts'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format(
            'CREATE POLICY tenant ON %I TO lading_app USING (tenant_id = (SELECT current_tenant())) '
            'WITH CHECK (tenant_id = (SELECT current_tenant()))', name);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO lading_app', name);
    END LOOP;
END
$$;
CREATE POLICY system ON placements FOR SELECT TO lading_system USING (true);
GRANT SELECT (tenant_id) ON placements TO lading_system;

-- A download that the bucket answers is seen to begin and not to end: what runs out then was not cut.
ALTER TABLE handouts ADD COLUMN is_away boolean NOT NULL DEFAULT false;

-- ---------------------------------------------------------------- a revoked key, log by log

-- Up to which size a log is believed that a revoked key signed: each tree a tenant ever had, and, with the tenant of the
-- installation, each log over all tenants.  `signing_key_sizes` has a tenant's newest tree, which its ledger tells.
CREATE TABLE signing_key_logs (
    tenant_id uuid NOT NULL REFERENCES tenants,
    keyid text NOT NULL CHECK (keyid ~ '^[0-9a-f]{64}$'),
    origin text NOT NULL,
    size bigint NOT NULL CHECK (size >= 0),
    PRIMARY KEY (tenant_id, keyid, origin)
);
ALTER TABLE signing_key_logs ENABLE ROW LEVEL SECURITY;
ALTER TABLE signing_key_logs FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON signing_key_logs TO lading_app USING (tenant_id = (SELECT current_tenant()))
    WITH CHECK (tenant_id = (SELECT current_tenant()));
CREATE POLICY ledger ON signing_key_logs TO lading_ledger USING (true) WITH CHECK (true);
GRANT SELECT ON signing_key_logs TO lading_app;
GRANT SELECT, INSERT ON signing_key_logs TO lading_ledger;

-- ---------------------------------------------------------------- remote export servers are sources

ALTER TABLE sources
    DROP CONSTRAINT sources_kind_check,
    ADD CHECK (kind IN ('postgresql', 'mysql', 'sqlite', 'duckdb', 'files', 'objects', 'http', 'remote')),
    ADD CHECK (credentials_ref IS NOT NULL OR kind <> 'remote');
