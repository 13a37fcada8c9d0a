-- The example activity database: it stands for a customer's own system, which Lading only reads.
-- Deliberately without the constraints that would keep bad rows out; real registrations have them.

CREATE TYPE chapter_level AS ENUM ('national', 'region', 'local');

CREATE TABLE generation (
    seed bigint NOT NULL,
    rows bigint NOT NULL,
    version integer NOT NULL
);

CREATE TABLE organisations (
    id integer PRIMARY KEY,
    slug text NOT NULL UNIQUE,
    name text NOT NULL,
    organisation_number text NOT NULL
);

CREATE TABLE chapters (
    id integer PRIMARY KEY,
    organisation_id integer NOT NULL REFERENCES organisations,
    parent_id integer REFERENCES chapters,
    code text NOT NULL,
    name text NOT NULL,
    level chapter_level NOT NULL,
    UNIQUE (organisation_id, code)
);

CREATE TABLE mentors (
    id uuid PRIMARY KEY,
    organisation_id integer NOT NULL REFERENCES organisations,
    chapter_id integer NOT NULL REFERENCES chapters,
    full_name text NOT NULL
);

-- Keys are added after the rows: building them once is faster.
CREATE TABLE activities (
    id bigint NOT NULL,
    organisation_id integer NOT NULL,
    chapter_id integer NOT NULL,
    mentor_id uuid NOT NULL,
    activity_type text NOT NULL,
    title text NOT NULL,
    activity_date date,
    starts_at timestamptz,
    duration_minutes integer,
    participants integer,
    place text,
    country char(2) NOT NULL,
    is_digital boolean NOT NULL,
    travel_cost numeric(9, 2),
    summary text,
    created_at timestamptz NOT NULL
);

CREATE TABLE attachments (
    id bigint PRIMARY KEY,
    organisation_id integer NOT NULL,
    activity_id bigint NOT NULL,
    path text NOT NULL,
    file_name text NOT NULL,
    media_type text NOT NULL,
    size_bytes bigint NOT NULL
);

ALTER TABLE organisations ENABLE ROW LEVEL SECURITY;
ALTER TABLE chapters ENABLE ROW LEVEL SECURITY;
ALTER TABLE mentors ENABLE ROW LEVEL SECURITY;
ALTER TABLE activities ENABLE ROW LEVEL SECURITY;
ALTER TABLE attachments ENABLE ROW LEVEL SECURITY;
