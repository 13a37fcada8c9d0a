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
