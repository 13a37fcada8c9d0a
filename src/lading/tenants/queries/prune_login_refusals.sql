-- Forget of whom the ledger was told so long ago that it is told anew; a part at a time.
DELETE FROM login_refusals
WHERE (tenant_id, subject, reason) IN (
    SELECT tenant_id, subject, reason
    FROM login_refusals
    WHERE noted_at < lading_now() - make_interval(secs => %(seconds)s::float8)
    LIMIT %(limit)s::integer
)
AND noted_at < lading_now() - make_interval(secs => %(seconds)s::float8)
