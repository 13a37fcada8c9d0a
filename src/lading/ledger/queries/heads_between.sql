-- The signed heads of some sizes, with the leaf of the instance's log for those that have one.
SELECT head.size, head.root, head.note, leaf.line AS logged
FROM signed_heads AS head
LEFT JOIN logged_heads AS logged ON logged.tenant_id = head.tenant_id AND logged.size = head.size
LEFT JOIN instance_leaves AS leaf ON leaf.index = logged.index
WHERE head.tenant_id = %(tenant_id)s::uuid
  AND head.size > %(first)s::bigint
  AND head.size <= %(end)s::bigint
ORDER BY head.size
