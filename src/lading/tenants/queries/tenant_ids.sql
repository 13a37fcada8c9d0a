-- Every tenant: what is done for each of them in turn must leave out none.
SELECT tenant_id
FROM tenants
ORDER BY tenant_id
