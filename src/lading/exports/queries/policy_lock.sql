-- Hold the policy until the end of the transaction, making it if it is new: revisions get their numbers one by one.
INSERT INTO policies (tenant_id, name, version)
VALUES (%(tenant_id)s::uuid, %(name)s::text, 0)
ON CONFLICT (tenant_id, name) DO UPDATE
SET name = excluded.name
RETURNING version
