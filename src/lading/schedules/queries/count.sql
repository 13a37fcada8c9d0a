-- How many schedules the tenant has.
SELECT count(*) AS schedules FROM schedules WHERE tenant_id = %(tenant_id)s::uuid
