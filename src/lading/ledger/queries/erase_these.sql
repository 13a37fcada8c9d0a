-- Erase the words behind these commitments.
DELETE FROM disclosures
WHERE tenant_id = %(tenant_id)s::uuid AND commitment = ANY (%(commitments)s::bytea[])
RETURNING value
