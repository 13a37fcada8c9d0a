-- Hosts that answered and have something to gain by it: a breaker not closed and clean, a rate that shrank, a retry
-- budget that is not full.  Those alone are worth a word.
SELECT given.tenant_id, given.host, given.answers
FROM unnest(%(tenants)s::uuid[], %(hosts)s::text[], %(answers)s::integer[]) AS given (tenant_id, host, answers)
WHERE EXISTS (
    SELECT FROM breakers
    WHERE breakers.tenant_id = given.tenant_id AND breakers.host = given.host
      AND (breakers.state <> 'closed' OR breakers.failures > 0)
) OR EXISTS (
    SELECT FROM buckets
    WHERE buckets.tenant_id = given.tenant_id AND buckets.host = given.host AND buckets.factor < 1
) OR EXISTS (
    SELECT FROM retry_budgets
    WHERE retry_budgets.tenant_id = given.tenant_id AND retry_budgets.host = given.host
)
