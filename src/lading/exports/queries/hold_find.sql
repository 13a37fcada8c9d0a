-- One hold, lifted or not, and how many exports it keeps now.
SELECT holds.*,
       (
           SELECT count(*)
           FROM held
           JOIN exports ON exports.tenant_id = held.tenant_id AND exports.id = held.export_id
           WHERE held.tenant_id = holds.tenant_id AND held.hold_id = holds.id AND exports.deleted_at IS NULL
       ) AS exports
FROM holds
WHERE holds.tenant_id = %(tenant_id)s::uuid AND holds.id = %(id)s::uuid
