-- How many policies a tenant has, and how many of them are active.
SELECT count(*) AS known, count(active_revision) AS active
FROM policies
WHERE tenant_id = %(tenant_id)s::uuid
