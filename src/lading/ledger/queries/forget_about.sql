-- Erase the words about a person who was removed: name and address.
DELETE FROM disclosures
WHERE tenant_id = %(tenant_id)s::uuid AND about = %(about)s::text
