-- Keep the words that lines commit to, apart from the lines, so that they can be erased.
INSERT INTO disclosures (tenant_id, commitment, subject, path, actor_id, about, salt, value)
SELECT given.tenant_id, given.commitment, given.subject, given.path, given.actor_id, given.about, given.salt, given.value
FROM unnest(
    %(tenants)s::uuid[], %(commitments)s::bytea[], %(subjects)s::text[], %(paths)s::text[], %(actors)s::text[],
    %(abouts)s::text[], %(salts)s::bytea[], %(words)s::text[]
) AS given (tenant_id, commitment, subject, path, actor_id, about, salt, value)
