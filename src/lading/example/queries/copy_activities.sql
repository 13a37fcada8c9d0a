-- The activities, in the order of generate.COLUMNS.
COPY activities (
    id, organisation_id, chapter_id, mentor_id, activity_type, title, activity_date, starts_at,
    duration_minutes, participants, place, country, is_digital, travel_cost, summary, created_at
) FROM STDIN
