-- Note that tenants are told of this statement of the keyring; no row when they were before.
INSERT INTO signing_key_statements (digest, told_at)
VALUES (%(digest)s::bytea, %(told_at)s::timestamptz)
ON CONFLICT (digest) DO NOTHING
