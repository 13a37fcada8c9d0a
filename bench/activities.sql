-- A source shaped like the example's: activities with mentors and chapters, made by the server itself.
-- Run by psql with -v rows=N; the same N gives the same rows.

DROP TABLE IF EXISTS activities, mentors, chapters;

CREATE TABLE chapters (id integer PRIMARY KEY, name text NOT NULL);
INSERT INTO chapters
SELECT n, 'Lokallag ' || n
FROM generate_series(1, 60) AS n;

CREATE TABLE mentors (id integer PRIMARY KEY, full_name text NOT NULL);
INSERT INTO mentors
SELECT n, (ARRAY['Åse', 'Bjørn', 'Kari', 'Ola', 'Sølvi', 'Torbjørn', 'Ingrid', 'Per'])[1 + n % 8]
    || ' ' || (ARRAY['Nordmann', 'Hansen', 'Østby', 'Ødegård', 'Bakken', 'Lie', 'Dahl'])[1 + n % 7] || ' ' || n
FROM generate_series(1, 2000) AS n;

CREATE TABLE activities (
    id bigint PRIMARY KEY,
    activity_date date NOT NULL,
    activity_type text NOT NULL,
    mentor_id integer NOT NULL,
    chapter_id integer NOT NULL,
    duration_minutes integer NOT NULL,
    participants integer,
    place text,
    is_digital boolean,
    cost numeric(12, 2),
    created_at timestamptz NOT NULL,
    note text
);
INSERT INTO activities
SELECT
    n,
    DATE '2025-01-01' + (n * 7919 % 365)::integer,
    (ARRAY['individual_counselling', 'group_session', 'information_event', 'home_visit', 'phone_call',
           'digital_meeting', 'course_day'])[(1 + n % 7)::integer],
    1 + n * 31 % 2000,
    1 + n * 17 % 60,
    15 * (1 + n % 24),
    CASE WHEN n % 11 = 0 THEN NULL ELSE n % 40 END,
    CASE WHEN n % 5 = 0 THEN NULL ELSE (ARRAY['Oslo', 'Tromsø', 'Bodø', 'Ålesund', 'Førde'])[(1 + n % 5)::integer] END,
    CASE WHEN n % 13 = 0 THEN NULL ELSE n % 3 = 0 END,
    (n * 37 % 100000)::numeric / 100,
    TIMESTAMPTZ '2025-01-01 08:00:00+00' + n * INTERVAL '29 seconds',
    CASE WHEN n % 4 = 0 THEN NULL ELSE 'Samtale "nr. ' || n || '"; ' || repeat('ord ', (n % 20)::integer) END
FROM generate_series(1::bigint, :rows) AS n;

VACUUM ANALYZE activities;
