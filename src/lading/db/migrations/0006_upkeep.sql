-- What is old is forgotten: messages of webhooks and notes of refused log-ins, in all tenants.
-- beside: 0005

CREATE INDEX webhook_messages_old ON webhook_messages (ended_at) WHERE ended_at IS NOT NULL;
CREATE POLICY system ON webhook_messages TO lading_system USING (true);
GRANT SELECT, DELETE ON webhook_messages TO lading_system;

CREATE POLICY system ON login_refusals TO lading_system USING (true);
GRANT SELECT, DELETE ON login_refusals TO lading_system;

-- No statement looks for it: what is open has an index of its own.
DROP INDEX exports_waiting;

-- ---------------------------------------------------------------- destinations that are receivers

ALTER TABLE destinations
    DROP CONSTRAINT destinations_kind_check,
    ADD CONSTRAINT destinations_kind_check CHECK (kind IN ('directory', 's3', 'gcs', 'azure', 'webhook'));

-- ---------------------------------------------------------------- pages of APIs that were read

-- Runs of pages that an attempt at an export has read, in their order; the next attempt goes on behind the last.  `mark`
-- tells the reading (which request, to which source), `result` where the rows lie and how it goes on: they go with the
-- working files.
CREATE TABLE export_pages (
    tenant_id uuid NOT NULL,
    export_id uuid NOT NULL,
    mark text NOT NULL CHECK (mark ~ '^[0-9a-f]{64}$'),
    number integer NOT NULL CHECK (number BETWEEN 0 AND 99999),
    result jsonb NOT NULL,
    job_id uuid NOT NULL,
    attempt integer NOT NULL,
    read_at timestamptz NOT NULL DEFAULT lading_now(),
    PRIMARY KEY (tenant_id, export_id, mark, number),
    FOREIGN KEY (tenant_id, export_id) REFERENCES exports
);
ALTER TABLE export_pages ENABLE ROW LEVEL SECURITY;
ALTER TABLE export_pages FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON export_pages TO lading_app
USING (tenant_id = (SELECT current_tenant())) WITH CHECK (tenant_id = (SELECT current_tenant()));
GRANT SELECT, INSERT, DELETE ON export_pages TO lading_app;
