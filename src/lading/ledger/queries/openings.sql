-- The words behind these commitments that were not erased.
SELECT commitment, subject, path, salt, value
FROM disclosures
WHERE tenant_id = %(tenant_id)s::uuid AND commitment = ANY (%(commitments)s::bytea[])
