-- An answer earns a part of a retry; who finds the budget full, or in another's hands, writes nothing.
UPDATE retry_budgets
SET tokens = least(%(cap)s::float8, retry_budgets.tokens + %(earned)s::float8
        + %(trickle)s::float8 * greatest(0, extract(epoch FROM lading_now() - retry_budgets.refilled_at))),
    refilled_at = greatest(retry_budgets.refilled_at, lading_now())
FROM (
    SELECT tenant_id, host
    FROM retry_budgets
    WHERE tenant_id = %(tenant_id)s::uuid AND host = %(host)s::text
      AND tokens + %(trickle)s::float8 * extract(epoch FROM lading_now() - refilled_at) < %(cap)s::float8
    FOR UPDATE SKIP LOCKED
) AS free
WHERE retry_budgets.tenant_id = free.tenant_id AND retry_budgets.host = free.host
