-- Every quota of the tenant with what runs under it now.
SELECT kind, max_active, max_per_hour, burst, version, reason, ticket,
       (SELECT count(*) FROM jobs
        WHERE jobs.tenant_id = quotas.tenant_id AND quotas.kind IN (jobs.kind, '*') AND jobs.state = 'running') AS active
FROM quotas
WHERE tenant_id = %(tenant_id)s::uuid
ORDER BY kind
