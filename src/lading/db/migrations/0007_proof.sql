-- Proof: what makes the ledger provable without reading it whole, and shows when it was taken back.
-- beside: 0006

-- ---------------------------------------------------------------- tiles, epochs, pruning

-- `size` and `base` count places, which are never used twice.  A tree has its first leaf at `base`, so it has
-- size - base leaves; `tiled` of them are in tiles.  Entries below `min_index` may be gone.
ALTER TABLE ledger_trees
    ADD COLUMN epoch integer NOT NULL DEFAULT 1 CHECK (epoch >= 1),
    ADD COLUMN base bigint NOT NULL DEFAULT 0 CHECK (base >= 0),
    ADD COLUMN tiled bigint NOT NULL DEFAULT 0 CHECK (tiled >= 0 AND tiled % 256 = 0),
    ADD COLUMN min_index bigint NOT NULL DEFAULT 0,
    ADD CHECK (base <= size),
    ADD CHECK (min_index BETWEEN 0 AND size);

CREATE FUNCTION refuse_to_shrink() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF new.size < old.size OR new.epoch < old.epoch OR new.base < old.base OR new.min_index < old.min_index
       OR (new.epoch = old.epoch AND (new.base <> old.base OR new.origin <> old.origin)) THEN
        RAISE EXCEPTION 'UPDATE on ledger_trees is refused: a tree only grows'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN new;
END
$$;
CREATE TRIGGER ledger_trees_grow BEFORE UPDATE ON ledger_trees
FOR EACH ROW EXECUTE FUNCTION refuse_to_shrink();
CREATE TRIGGER ledger_trees_stay BEFORE DELETE ON ledger_trees
FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER ledger_trees_kept BEFORE TRUNCATE ON ledger_trees
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- A tile of C2SP tlog-tiles that is full: 256 hashes.  Those of level 0 hold hashes of leaves; of the others only the
-- root is here, their hashes are the roots of the tiles below.
CREATE TABLE ledger_tiles (
    tenant_id uuid NOT NULL REFERENCES tenants,
    epoch integer NOT NULL CHECK (epoch >= 1),
    level smallint NOT NULL CHECK (level BETWEEN 0 AND 6),
    n bigint NOT NULL CHECK (n >= 0),
    root bytea NOT NULL CHECK (octet_length(root) = 32),
    hashes bytea CHECK (octet_length(hashes) = 8192),
    PRIMARY KEY (tenant_id, epoch, level, n),
    CHECK ((level = 0) = (hashes IS NOT NULL))
);
ALTER TABLE ledger_tiles ALTER COLUMN hashes SET STORAGE EXTERNAL;

-- Trees that are over: a restore took entries back that had been signed, and another tree began.
CREATE TABLE ledger_epochs (
    tenant_id uuid NOT NULL REFERENCES tenants,
    epoch integer NOT NULL CHECK (epoch >= 1),
    origin text NOT NULL UNIQUE,
    base bigint NOT NULL,
    size bigint NOT NULL,
    tiled bigint NOT NULL,
    frontier bytea NOT NULL,
    root bytea NOT NULL CHECK (octet_length(root) = 32),
    known_size bigint NOT NULL,
    known_root bytea NOT NULL CHECK (octet_length(known_root) = 32),
    closed_at timestamptz NOT NULL DEFAULT lading_now(),
    PRIMARY KEY (tenant_id, epoch),
    CHECK (base <= size)
);

-- What the last recomputation of a tenant's ledger found; `fault` is NULL where all was well.
CREATE TABLE ledger_checks (
    tenant_id uuid PRIMARY KEY REFERENCES tenants,
    checked_at timestamptz NOT NULL DEFAULT lading_now(),
    size bigint NOT NULL,
    fault text CHECK (length(fault) BETWEEN 1 AND 500)
);

-- Entries go by being pruned, and by nothing else.
CREATE FUNCTION refuse_unless_pruned() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF old.index < (SELECT min_index FROM ledger_trees WHERE tenant_id = old.tenant_id) THEN
        RETURN old;
    END IF;
    RAISE EXCEPTION 'DELETE on ledger_entries is refused: its rows are append-only'
        USING ERRCODE = 'insufficient_privilege';
END
$$;
DROP TRIGGER ledger_entries_append_only ON ledger_entries;
CREATE TRIGGER ledger_entries_append_only BEFORE UPDATE ON ledger_entries
FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER ledger_entries_pruned BEFORE DELETE ON ledger_entries
FOR EACH ROW EXECUTE FUNCTION refuse_unless_pruned();

-- ---------------------------------------------------------------- the log of the instance over all tenants

-- Where a tenant's head stands in the instance's log.
CREATE TABLE logged_heads (
    tenant_id uuid NOT NULL REFERENCES tenants,
    size bigint NOT NULL,
    index bigint NOT NULL,
    PRIMARY KEY (tenant_id, size)
);

-- The one row of the instance's own tree; columns as in ledger_trees.
CREATE TABLE instance_log (
    id boolean PRIMARY KEY DEFAULT true CHECK (id),
    epoch integer NOT NULL DEFAULT 1 CHECK (epoch >= 1),
    origin text NOT NULL,
    base bigint NOT NULL DEFAULT 0,
    size bigint NOT NULL DEFAULT 0,
    tiled bigint NOT NULL DEFAULT 0,
    frontier bytea NOT NULL DEFAULT '',
    root bytea NOT NULL CHECK (octet_length(root) = 32),
    grown_at timestamptz NOT NULL DEFAULT lading_now(),
    CHECK (base <= size)
);
CREATE TABLE instance_epochs (
    epoch integer PRIMARY KEY CHECK (epoch >= 1),
    origin text NOT NULL UNIQUE,
    base bigint NOT NULL,
    size bigint NOT NULL,
    tiled bigint NOT NULL,
    frontier bytea NOT NULL,
    root bytea NOT NULL,
    known_size bigint NOT NULL,
    known_root bytea NOT NULL,
    closed_at timestamptz NOT NULL DEFAULT lading_now()
);
-- `line` tells other tenants' names; a tenant may see `hash`, which is the leaf's.
CREATE TABLE instance_leaves (
    index bigint PRIMARY KEY CHECK (index >= 0),
    hash bytea NOT NULL CHECK (octet_length(hash) = 32),
    line bytea NOT NULL CHECK (octet_length(line) BETWEEN 2 AND 65535)
);
CREATE TABLE instance_tiles (
    epoch integer NOT NULL CHECK (epoch >= 1),
    level smallint NOT NULL CHECK (level BETWEEN 0 AND 6),
    n bigint NOT NULL CHECK (n >= 0),
    root bytea NOT NULL CHECK (octet_length(root) = 32),
    hashes bytea CHECK (octet_length(hashes) = 8192),
    PRIMARY KEY (epoch, level, n),
    CHECK ((level = 0) = (hashes IS NOT NULL))
);
ALTER TABLE instance_tiles ALTER COLUMN hashes SET STORAGE EXTERNAL;
CREATE TABLE instance_heads (
    size bigint PRIMARY KEY,
    root bytea NOT NULL CHECK (octet_length(root) = 32),
    note text NOT NULL,
    signed_at timestamptz NOT NULL DEFAULT lading_now()
);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['ledger_tiles', 'ledger_epochs', 'logged_heads', 'ledger_checks'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format(
            'CREATE POLICY tenant ON %I TO lading_app USING (tenant_id = (SELECT current_tenant())) '
            'WITH CHECK (tenant_id = (SELECT current_tenant()))', name);
        EXECUTE format('CREATE POLICY ledger ON %I TO lading_ledger USING (true) WITH CHECK (true)', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY[
        'ledger_tiles', 'ledger_epochs', 'logged_heads', 'instance_epochs', 'instance_leaves', 'instance_tiles',
        'instance_heads'
    ] LOOP
        EXECUTE format(
            'CREATE TRIGGER %I BEFORE UPDATE OR DELETE ON %I FOR EACH ROW EXECUTE FUNCTION refuse_change()',
            name || '_append_only', name);
        EXECUTE format(
            'CREATE TRIGGER %I BEFORE TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()',
            name || '_kept', name);
    END LOOP;
END
$$;

GRANT SELECT ON ledger_tiles, ledger_epochs, logged_heads, ledger_checks TO lading_app;
GRANT SELECT ON instance_log, instance_epochs, instance_tiles, instance_heads TO lading_app;
GRANT SELECT (index, hash) ON instance_leaves TO lading_app;
GRANT DELETE ON ledger_entries TO lading_ledger;
-- Who prunes looks what is needed still.
CREATE POLICY ledger ON holds FOR SELECT TO lading_ledger USING (true);
CREATE POLICY ledger ON exports FOR SELECT TO lading_ledger USING (true);
GRANT SELECT (tenant_id, lifted_at) ON holds TO lading_ledger;
GRANT SELECT (tenant_id, status, created_at) ON exports TO lading_ledger;
GRANT SELECT, INSERT ON ledger_tiles, ledger_epochs, logged_heads TO lading_ledger;
GRANT SELECT, INSERT ON instance_epochs, instance_leaves, instance_tiles, instance_heads TO lading_ledger;
GRANT SELECT, INSERT, UPDATE ON instance_log, ledger_checks TO lading_ledger;

-- ---------------------------------------------------------------- signing keys

-- What every tenant's ledger was told of the instance's signing keys: a statement of the keyring each, once.
CREATE TABLE signing_key_statements (
    digest bytea PRIMARY KEY CHECK (octet_length(digest) = 32),
    told_at timestamptz NOT NULL DEFAULT lading_now()
);
-- Up to which size a tenant's heads are believed that a revoked key signed alone.
CREATE TABLE signing_key_sizes (
    tenant_id uuid NOT NULL REFERENCES tenants,
    keyid text NOT NULL CHECK (keyid ~ '^[0-9a-f]{64}$'),
    origin text NOT NULL,
    size bigint NOT NULL CHECK (size >= 0),
    root bytea CHECK (octet_length(root) = 32),
    PRIMARY KEY (tenant_id, keyid)
);
GRANT SELECT, INSERT ON signing_key_statements, signing_key_sizes TO lading_ledger;
GRANT SELECT ON signing_key_sizes TO lading_app;
GRANT INSERT ON ledger_pending TO lading_ledger;

-- ---------------------------------------------------------------- words that can be erased

-- What a ledger line only commits to: a salt and a text, gone when they are erased.  `actor_id` said it; `about` is the
-- person it is about, if it is about one.
CREATE TABLE disclosures (
    tenant_id uuid NOT NULL REFERENCES tenants,
    commitment bytea NOT NULL CHECK (octet_length(commitment) = 32),
    subject text NOT NULL,
    path text NOT NULL CHECK (path ~ '^[a-z][a-z_.]{0,59}$'),
    actor_id text NOT NULL,
    about text,
    salt bytea NOT NULL CHECK (octet_length(salt) = 32),
    value text NOT NULL CHECK (octet_length(value) <= 16384),
    PRIMARY KEY (tenant_id, commitment)
);
CREATE INDEX disclosures_subject ON disclosures (tenant_id, subject);
CREATE INDEX disclosures_actor ON disclosures (tenant_id, actor_id);
CREATE INDEX disclosures_about ON disclosures (tenant_id, about) WHERE about IS NOT NULL;
CREATE TRIGGER disclosures_unchanged BEFORE UPDATE ON disclosures
FOR EACH ROW EXECUTE FUNCTION refuse_change();
GRANT SELECT, INSERT, DELETE ON disclosures TO lading_app;
GRANT INSERT ON disclosures TO lading_system, lading_ledger;

-- ---------------------------------------------------------------- time stamps of others

-- RFC 3161 tokens over the instance's signed heads, each as it was received and verified.
CREATE TABLE instance_time_stamps (
    size bigint PRIMARY KEY REFERENCES instance_heads,
    token bytea NOT NULL CHECK (octet_length(token) BETWEEN 1 AND 65536),
    stamped_at timestamptz NOT NULL
);
CREATE TRIGGER instance_time_stamps_append_only BEFORE UPDATE OR DELETE ON instance_time_stamps
FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER instance_time_stamps_kept BEFORE TRUNCATE ON instance_time_stamps
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
GRANT SELECT ON instance_time_stamps TO lading_app;
GRANT SELECT, INSERT ON instance_time_stamps TO lading_ledger;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['signing_key_sizes', 'disclosures'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format(
            'CREATE POLICY tenant ON %I TO lading_app USING (tenant_id = (SELECT current_tenant())) '
            'WITH CHECK (tenant_id = (SELECT current_tenant()))', name);
        EXECUTE format('CREATE POLICY ledger ON %I TO lading_ledger USING (true) WITH CHECK (true)', name);
    END LOOP;
END
$$;
CREATE POLICY system ON disclosures FOR INSERT TO lading_system WITH CHECK (true);

-- ---------------------------------------------------------------- bundles (decision 27)

-- A bundle is an export without a profile, of the tenant's own ledger.
ALTER TABLE exports DROP CONSTRAINT exports_check3;
ALTER TABLE exports ADD CONSTRAINT exports_check3
    CHECK ((revision IS NULL) = (type IN ('evidence_pack', 'audit_report', 'snapshot', 'audit_bundle')));
CREATE INDEX exports_bundles ON exports (tenant_id, id) WHERE type = 'audit_bundle';
