-- Append heads of tenants to the instance's log, and say where each stands.
WITH given AS (
    SELECT *
    FROM unnest(
        %(tenants)s::uuid[], %(sizes)s::bigint[], %(indexes)s::bigint[], %(hashes)s::bytea[], %(lines)s::bytea[]
    ) AS given (tenant_id, size, index, hash, line)
),
appended AS (
    INSERT INTO instance_leaves (index, hash, line)
    SELECT index, hash, line
    FROM given
)
INSERT INTO logged_heads (tenant_id, size, index)
SELECT tenant_id, size, index
FROM given
