-- The log of the instance, if no head is signed for its size: a signer elsewhere was not asked yet, or did not answer.
SELECT origin, size, base, root
FROM instance_log
WHERE size > base AND NOT EXISTS (SELECT FROM instance_heads WHERE instance_heads.size = instance_log.size)
