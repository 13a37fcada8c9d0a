-- Take the tenant's turn before its buckets and breakers, in the order of a claim, so that neither waits for the other.
SELECT tenant_id
FROM turns
WHERE tenant_id = %(tenant_id)s::uuid
FOR UPDATE
