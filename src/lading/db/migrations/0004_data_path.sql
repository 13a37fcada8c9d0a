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
