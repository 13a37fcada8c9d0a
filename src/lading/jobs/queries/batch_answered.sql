-- Hosts that answered and whose breaker is not closed and clean: those alone are worth a word.
SELECT breakers.tenant_id, breakers.host
FROM unnest(%(tenants)s::uuid[], %(hosts)s::text[]) AS given (tenant_id, host)
JOIN breakers USING (tenant_id, host)
WHERE breakers.state <> 'closed' OR breakers.failures > 0
