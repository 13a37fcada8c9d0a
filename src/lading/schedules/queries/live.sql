-- The jobs of a schedule that have not ended, among those of its newest slots.
SELECT j.id
FROM (
    SELECT tenant_id, job_id
    FROM schedule_slots
    WHERE tenant_id = %(tenant_id)s::uuid AND schedule_id = %(schedule_id)s::uuid AND outcome = 'fired'
    ORDER BY slot DESC
    LIMIT 200
) AS s
JOIN jobs AS j ON j.tenant_id = s.tenant_id AND j.id = s.job_id
ORDER BY j.id
