-- Remember that an upload is about to be begun, before the store is asked: what a crash leaves there is found by it.
INSERT INTO uploads (tenant_id, export_id, destination, object_name, digest, part_bytes)
VALUES (
    %(tenant_id)s::uuid, %(export_id)s::uuid, %(destination)s::text, %(object_name)s::text, %(digest)s::bytea,
    %(part_bytes)s::bigint
)
