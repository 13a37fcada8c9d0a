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
