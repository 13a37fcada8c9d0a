-- Keys and statistics, once the rows are there.
ALTER TABLE activities ADD PRIMARY KEY (id);
CREATE INDEX activities_period ON activities (organisation_id, activity_date);
CREATE INDEX attachments_activity ON attachments (activity_id);
ANALYZE;
